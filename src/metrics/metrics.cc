#include "metrics/metrics.h"

#include <string>
#include <utility>

#include "base/version.h"
#include "metrics/text.h"

namespace stateward {
namespace {

using counters::BackendCall;
using counters::kActive;
using counters::kAuditLines;
using counters::kAuditLost;
using counters::kBoundsUs;
using counters::kCallCount;
using counters::kCallDurations;
using counters::kCallFailures;
using counters::kCalls;
using counters::kDurations;
using counters::kEnded;
using counters::kEndings;
using counters::kHistogram;
using counters::kIdle;
using counters::kInflightBytes;
using counters::kInflightLimit;
using counters::kMethodCount;
using counters::kMethods;
using counters::kNoOpRecords;
using counters::kPoolFailures;
using counters::kPools;
using counters::kPoolWaits;
using counters::kRefusals;
using counters::kRefused;
using counters::kRequests;
using counters::kRouteCount;
using counters::kRoutes;
using counters::kSlow;
using counters::kStatusCount;
using counters::kStatuses;
using counters::kSyncDurations;
using counters::kTokenDisagreements;
using counters::kUploadsKept;
using counters::Values;

size_t StatusIndex(int status) {
  for (size_t i = 0; i + 1 < kStatusCount; ++i) {
    if (kStatuses[i] == status) return i;
  }
  return kStatusCount - 1;
}

size_t CallIndex(BackendKind kind, std::string_view call) {
  constexpr std::string_view kKinds[] = {"storage", "lock", "kms"};
  std::string_view name = kKinds[static_cast<size_t>(kind)];
  for (size_t i = 0; i < kCallCount; ++i) {
    if (kCalls[i].call == call && kCalls[i].kind == name) return i;
  }
  return kCallCount - std::size(kKinds) + static_cast<size_t>(kind);
}

template <size_t n>
size_t IndexOf(const std::string_view (&names)[n], std::string_view name) {
  for (size_t i = 0; i + 1 < n; ++i) {
    if (names[i] == name) return i;
  }
  return n - 1;
}

bool IsEmpty(const uint64_t* h) {
  for (size_t i = 0; i + 1 < kHistogram; ++i) {
    if (h[i] != 0) return false;
  }
  return true;
}

void RenderRequests(const Values& v, MetricsText* text) {
  text->Head("stateward_requests_total", "counter", "Requests answered.");
  for (size_t i = 0; i < kRouteCount * kMethodCount * kStatusCount; ++i) {
    if (v[kRequests + i] == 0) continue;
    int status = kStatuses[i % kStatusCount];
    text->Value("stateward_requests_total",
                Label("route", kRoutes[i / kStatusCount / kMethodCount]) + "," +
                    Label("method", kMethods[i / kStatusCount % kMethodCount]) + "," +
                    Label("code", status == 0 ? "other" : std::to_string(status)),
                v[kRequests + i]);
  }
  text->Head("stateward_request_duration_seconds", "histogram",
             "Time from the request's head to its answer.");
  for (size_t i = 0; i < kRouteCount * kMethodCount; ++i) {
    const uint64_t* h = &v[kDurations + i * kHistogram];
    if (IsEmpty(h)) continue;
    text->Histogram("stateward_request_duration_seconds",
                    Label("route", kRoutes[i / kMethodCount]) + "," +
                        Label("method", kMethods[i % kMethodCount]),
                    h);
  }
}

void RenderCalls(const Values& v, const BackendNames& names, MetricsText* text) {
  auto labels = [&](size_t i) {
    const BackendCall& call = kCalls[i];
    const std::string& backend = call.kind == "storage" ? names.storage
                                 : call.kind == "lock"  ? names.lock
                                                        : names.kms;
    return Label("kind", call.kind) + "," + Label("backend", backend) + "," +
           Label("call", call.call);
  };
  text->Head("stateward_backend_call_duration_seconds", "histogram",
             "Time of one call of a backend.");
  for (size_t i = 0; i < kCallCount; ++i) {
    const uint64_t* h = &v[kCallDurations + i * kHistogram];
    if (!IsEmpty(h)) text->Histogram("stateward_backend_call_duration_seconds", labels(i), h);
  }
  text->Head("stateward_backend_call_failures_total", "counter", "Calls of a backend that failed.");
  for (size_t i = 0; i < kCallCount; ++i) {
    if (v[kCallFailures + i] != 0) {
      text->Value("stateward_backend_call_failures_total", labels(i), v[kCallFailures + i]);
    }
  }
}

// Of the pools that this server has.
void RenderPools(const Values& v, const BackendNames& names, MetricsText* text) {
  auto each = [&](auto render) {
    for (size_t i = 0; i < std::size(kPools); ++i) {
      if (names.storage == kPools[i] || names.lock == kPools[i])
        render(i, Label("pool", kPools[i]));
    }
  };
  text->Head("stateward_pool_wait_duration_seconds", "histogram",
             "Time that calls waited because all connections of a pool were in use.");
  each([&](size_t i, const std::string& label) {
    text->Histogram("stateward_pool_wait_duration_seconds", label, &v[kPoolWaits + i * kHistogram]);
  });
  text->Head("stateward_pool_wait_failures_total", "counter",
             "Calls that waited for a connection in vain.");
  each([&](size_t i, const std::string& label) {
    text->Value("stateward_pool_wait_failures_total", label, v[kPoolFailures + i]);
  });
}

void RenderWrites(const Values& v, MetricsText* text) {
  text->Head("stateward_writes_refused_total", "counter", "Writes that were refused.");
  for (size_t i = 0; i < std::size(kRefusals); ++i) {
    text->Value("stateward_writes_refused_total", Label("reason", kRefusals[i]), v[kRefused + i]);
  }
  text->Counter("stateward_uploads_kept_total", "Refused writes that were kept.", v[kUploadsKept]);
  text->Counter("stateward_noop_records_total",
                "Records without a document that were made to take a number.", v[kNoOpRecords]);
  text->Counter("stateward_token_disagreements_total",
                "Tokens refused because OpenSSL and libjwt disagreed about their signature.",
                v[kTokenDisagreements]);
  text->Counter("stateward_audit_lines_total", "Lines of the audit trail that were written.",
                v[kAuditLines]);
  text->Counter(
      "stateward_audit_lost_total",
      "Events of the audit trail that were not written, or not taken by syslog or the journal.",
      v[kAuditLost]);
  text->Head("stateward_fsync_duration_seconds", "histogram",
             "Time of one fsync or fdatasync of the store, local locks and the audit trail.");
  text->Histogram("stateward_fsync_duration_seconds", "", &v[kSyncDurations]);
}

void RenderConnections(const Region::Sum& sum, MetricsText* text) {
  const counters::Gauges& g = sum.gauges;
  text->Head("stateward_connections", "gauge", "Connections of web servers.");
  text->Value("stateward_connections", Label("state", "active"), g[kActive] - g[kSlow]);
  text->Value("stateward_connections", Label("state", "idle"), g[kIdle]);
  text->Value("stateward_connections", Label("state", "slow"), g[kSlow]);
  text->Head("stateward_connections_ended_total", "counter",
             "Connections that this side closed, by reason.");
  for (size_t i = 0; i < std::size(kEndings); ++i) {
    text->Value("stateward_connections_ended_total", Label("reason", kEndings[i]),
                sum.values[kEnded + i]);
  }
  text->Gauge("stateward_inflight_bytes", "Memory of bodies and answers.", g[kInflightBytes]);
  text->Gauge("stateward_inflight_limit_bytes", "MAX_INFLIGHT_BYTES of all workers.",
              g[kInflightLimit]);
}

}  // namespace

Metrics::Metrics(std::unique_ptr<Region> region, BackendNames names)
    : region_(std::move(region)), names_(std::move(names)) {}

void Metrics::Observe(size_t histogram, int64_t duration_us) {
  size_t bucket = 0;
  while (bucket < std::size(kBoundsUs) && duration_us > kBoundsUs[bucket]) ++bucket;
  region_->Add(histogram + bucket, 1);
  region_->Add(histogram + kHistogram - 1,
               static_cast<uint64_t>(duration_us < 0 ? 0 : duration_us));
}

void Metrics::OnRequest(RouteName route, Method method, int status, int64_t duration_us) {
  if (!region_) return;
  size_t row = static_cast<size_t>(route) * kMethodCount + static_cast<size_t>(method);
  region_->Add(kRequests + row * kStatusCount + StatusIndex(status), 1);
  Observe(kDurations + row * kHistogram, duration_us);
}

void Metrics::OnBackendCall(BackendKind kind, std::string_view call, bool ok, int64_t duration_us) {
  if (!region_) return;
  size_t i = CallIndex(kind, call);
  Observe(kCallDurations + i * kHistogram, duration_us);
  if (!ok) region_->Add(kCallFailures + i, 1);
}

void Metrics::Count(size_t counter, uint64_t n) {
  if (region_) region_->Add(counter, n);
}

void Metrics::OnUploadKept() { Count(kUploadsKept); }
void Metrics::OnTokenDisagreement() { Count(kTokenDisagreements); }
void Metrics::OnAuditLost() { Count(kAuditLost); }
void Metrics::OnAuditWritten(uint64_t lines) { Count(kAuditLines, lines); }
void Metrics::OnNoOpRecord() { Count(kNoOpRecords); }

void Metrics::OnWriteRefused(std::string_view reason) {
  Count(kRefused + IndexOf(kRefusals, reason));
}

void Metrics::OnConnectionEnded(std::string_view reason) {
  Count(kEnded + IndexOf(kEndings, reason));
}

void Metrics::OnPoolWait(std::string_view pool, bool ok, int64_t duration_us) {
  if (!region_) return;
  const size_t i = IndexOf(kPools, pool);
  Observe(kPoolWaits + i * kHistogram, duration_us);
  if (!ok) Count(kPoolFailures + i);
}

void Metrics::OnSync(int64_t duration_us) {
  if (region_) Observe(kSyncDurations, duration_us);
}

void Metrics::OnConnections(const ConnectionGauges& now) {
  if (!region_) return;
  region_->Set(kActive, now.active);
  region_->Set(kIdle, now.idle);
  region_->Set(kSlow, now.slow);
  region_->Set(kInflightBytes, now.inflight_bytes);
  region_->Set(kInflightLimit, now.inflight_limit_bytes);
}

void Metrics::SetUntouched(LookUpUntouched look_up) {
  std::lock_guard<std::mutex> hold(mutex_);
  look_up_untouched_ = std::move(look_up);
}

std::optional<uint64_t> Metrics::Untouched() {
  std::lock_guard<std::mutex> hold(mutex_);
  return look_up_untouched_ ? look_up_untouched_() : std::nullopt;
}

std::string Metrics::Render() {
  MetricsText text;
  text.Head("stateward_backend_info", "gauge", "The backends of this server.");
  text.Value("stateward_backend_info",
             Label("storage", names_.storage) + "," + Label("lock", names_.lock) + "," +
                 Label("kms", names_.kms),
             1);
  text.Head("stateward_build_info", "gauge", "The version that runs.");
  text.Value("stateward_build_info", Label("version", kStatewardVersion), 1);
  const std::string more = more_ ? more_() : "";
  if (!region_) return text.Take() + more;
  std::optional<uint64_t> untouched = Untouched();
  if (untouched) {
    text.Gauge("stateward_untouched_blobs",
               "Blobs of terraform-backend that were not taken over, as counted last.", *untouched);
  }
  Result<Region::Sum> sum = region_->Total();
  if (!sum.ok()) return text.Take() + more;
  text.Gauge("stateward_workers", "Processes that count here.", sum->processes);
  RenderWrites(sum->values, &text);
  RenderConnections(*sum, &text);
  RenderRequests(sum->values, &text);
  RenderCalls(sum->values, names_, &text);
  RenderPools(sum->values, names_, &text);
  return text.Take() + more;
}

}  // namespace stateward
