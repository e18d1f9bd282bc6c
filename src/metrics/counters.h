// What is counted, and where each count lies in a slot of the shared region.
#ifndef STATEWARD_METRICS_COUNTERS_H_
#define STATEWARD_METRICS_COUNTERS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace stateward::counters {

inline constexpr std::string_view kRoutes[] = {"state",   "lock",   "outputs", "outputs_state",
                                               "version", "api",    "health",  "ready",
                                               "metrics", "unknown"};
inline constexpr std::string_view kMethods[] = {"GET",  "POST",   "PUT",  "DELETE",
                                                "LOCK", "UNLOCK", "HEAD", "other"};
// 0 stands for every other status.
inline constexpr int kStatuses[] = {200, 304, 400, 401, 403, 404, 405, 409,
                                    410, 413, 423, 429, 500, 503, 0};

struct BackendCall {
  std::string_view kind;  // of BackendKind, in its order
  std::string_view call;
};
inline constexpr BackendCall kCalls[] = {
    {"storage", "head"},
    {"storage", "get"},
    {"storage", "get_newest"},
    {"storage", "get_newest_front"},
    {"storage", "get_prefix"},
    {"storage", "append"},
    {"storage", "settle"},
    {"storage", "replace"},
    {"storage", "versions"},
    {"storage", "prune"},
    {"storage", "put_upload"},
    {"storage", "settle_upload"},
    {"storage", "list_uploads"},
    {"storage", "list_uploads_of"},
    {"storage", "get_legacy"},
    {"storage", "legacy_claim"},
    {"storage", "claim_legacy"},
    {"lock", "acquire"},
    {"lock", "release"},
    {"lock", "look"},
    {"lock", "with_lock"},
    {"kms", "seal"},
    {"kms", "open"},
    {"kms", "open_info"},
    {"kms", "open_legacy"},
    {"storage", "other"},
    {"lock", "other"},
    {"kms", "other"},
};

// Upper bounds in microseconds; the last bucket has none. From a cached read on a fast disk to the
// limits after which requests are given up.
inline constexpr int64_t kBoundsUs[] = {100,   250,   500,    1000,   2500,    5000,    10000,
                                        25000, 50000, 100000, 250000, 1000000, 5000000, 30000000};

// Why writes are refused: NameOf(Refusal) of state/refusal.h. The last stands for every other.
inline constexpr std::string_view kRefusals[] = {
    "expired_token", "lock_needed",   "locked",      "lock_not_held",   "other_lock",
    "lock_of_other", "other_session", "other_write", "other_lineage",   "serial_not_larger",
    "deleted",       "moved",         "adopted",     "name_taken_over", "name_held",
    "shut_gate",     "read_only",     "other"};

// Pools of connections that have a limit.
inline constexpr std::string_view kPools[] = {"postgres", "redis"};

// Why this side ended a connection.
inline constexpr std::string_view kEndings[] = {"slow",    "idle",    "bad",
                                                "crowded", "refused", "gone"};

inline constexpr size_t kRouteCount = std::size(kRoutes);
inline constexpr size_t kMethodCount = std::size(kMethods);
inline constexpr size_t kStatusCount = std::size(kStatuses);
inline constexpr size_t kCallCount = std::size(kCalls);
// buckets, the one without a bound, sum in microseconds
inline constexpr size_t kHistogram = std::size(kBoundsUs) + 2;

inline constexpr size_t kRequests = 0;
inline constexpr size_t kDurations = kRequests + kRouteCount * kMethodCount * kStatusCount;
inline constexpr size_t kCallDurations = kDurations + kRouteCount * kMethodCount * kHistogram;
inline constexpr size_t kCallFailures = kCallDurations + kCallCount * kHistogram;
inline constexpr size_t kUploadsKept = kCallFailures + kCallCount;
inline constexpr size_t kTokenDisagreements = kUploadsKept + 1;
inline constexpr size_t kAuditLost = kTokenDisagreements + 1;
inline constexpr size_t kRefused = kAuditLost + 1;
inline constexpr size_t kEnded = kRefused + std::size(kRefusals);
inline constexpr size_t kNoOpRecords = kEnded + std::size(kEndings);
inline constexpr size_t kAuditLines = kNoOpRecords + 1;
inline constexpr size_t kSyncDurations = kAuditLines + 1;
inline constexpr size_t kPoolWaits = kSyncDurations + kHistogram;
inline constexpr size_t kPoolFailures = kPoolWaits + std::size(kPools) * kHistogram;
inline constexpr size_t kTotal = kPoolFailures + std::size(kPools);

using Values = std::array<uint64_t, kTotal>;

// What a process is like now: gone with it.
inline constexpr size_t kActive = 0;
inline constexpr size_t kIdle = 1;
inline constexpr size_t kSlow = 2;
inline constexpr size_t kInflightBytes = 3;
inline constexpr size_t kInflightLimit = 4;
inline constexpr size_t kGauges = 5;

using Gauges = std::array<uint64_t, kGauges>;

}  // namespace stateward::counters

#endif  // STATEWARD_METRICS_COUNTERS_H_
