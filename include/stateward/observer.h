// Told what happened, so that it can be counted. Implementations must not block.
#ifndef STATEWARD_OBSERVER_H_
#define STATEWARD_OBSERVER_H_

#include <cstdint>
#include <string_view>

#include "stateward/http.h"

namespace stateward {

// A route's name stands in metrics, never a path: paths name states and are without bound.
enum class RouteName : uint8_t {
  kState,
  kLock,
  kOutputs,
  kOutputsState,
  kVersion,
  kApi,
  kHealth,
  kReady,
  kMetrics,
  kUnknown
};

enum class BackendKind : uint8_t { kStorage, kLock, kKms };

// The connections of a process and the memory of their bodies and answers, as they are now.
struct ConnectionGauges {
  uint64_t active = 0;  // of a request that is being gathered, thought about or answered
  uint64_t idle = 0;
  uint64_t slow = 0;  // of the active ones, those that have waited for their client for seconds
  uint64_t inflight_bytes = 0;
  uint64_t inflight_limit_bytes = 0;
};

// Thread-safe.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void OnRequest(RouteName route, Method method, int status, int64_t duration_us) = 0;
  // One call of a backend: `call` is the method's name in lower case ("append", "get_newest").
  virtual void OnBackendCall(BackendKind kind, std::string_view call, bool ok,
                             int64_t duration_us) = 0;
  // A write was refused; `reason` is the refusal's name (state/refusal.h).
  virtual void OnWriteRefused(std::string_view /*reason*/) {}
  // A refused upload was kept.
  virtual void OnUploadKept() = 0;
  // A record that holds no document was made to take a number.
  virtual void OnNoOpRecord() {}
  // A call found every connection of a pool ("postgres", "redis") in use and waited; !ok: in vain.
  virtual void OnPoolWait(std::string_view /*pool*/, bool /*ok*/, int64_t /*duration_us*/) {}
  // One fsync or fdatasync.
  virtual void OnSync(int64_t /*duration_us*/) {}
  // A connection was closed by this side: "slow", "idle", "bad", "crowded" or "refused".
  virtual void OnConnectionEnded(std::string_view /*reason*/) {}
  // Once a second.
  virtual void OnConnections(const ConnectionGauges& /*now*/) {}
  // So many lines of the audit trail were written.
  virtual void OnAuditWritten(uint64_t /*lines*/) {}
  // Two verifiers disagreed about the signature of a token; it was refused.
  virtual void OnTokenDisagreement() {}
  // An event of the audit trail was not written, or not taken by the journal or syslog.
  virtual void OnAuditLost() {}
};

}  // namespace stateward

#endif  // STATEWARD_OBSERVER_H_
