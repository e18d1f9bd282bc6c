#include "metrics/metrics.h"

#include <cinttypes>
#include <cstdio>
#include <utility>

namespace stateward {
namespace {

using counters::BackendCall;
using counters::kAuditLost;
using counters::kBoundsUs;
using counters::kCallCount;
using counters::kCallDurations;
using counters::kCallFailures;
using counters::kCalls;
using counters::kDurations;
using counters::kHistogram;
using counters::kMethodCount;
using counters::kMethods;
using counters::kRequests;
using counters::kRouteCount;
using counters::kRoutes;
using counters::kStatusCount;
using counters::kStatuses;
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

class Text {
 public:
  void Head(std::string_view name, std::string_view type, std::string_view help) {
    out_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
    out_.append(name).append(" ").append(type).append("\n");
  }
  void Value(std::string_view name, const std::string& labels, uint64_t value) {
    Line(name, labels, std::to_string(value));
  }
  void Line(std::string_view name, const std::string& labels, const std::string& value) {
    out_.append(name);
    if (!labels.empty()) out_.append("{").append(labels).append("}");
    out_.append(" ").append(value).append("\n");
  }
  void Histogram(const std::string& name, const std::string& labels, const uint64_t* h) {
    uint64_t count = 0;
    char text[40];
    for (size_t i = 0; i < std::size(kBoundsUs); ++i) {
      count += h[i];
      snprintf(text, sizeof text, ",le=\"%g\"", static_cast<double>(kBoundsUs[i]) / 1e6);
      Value(name + "_bucket", labels + text, count);
    }
    count += h[std::size(kBoundsUs)];
    Value(name + "_bucket", labels + ",le=\"+Inf\"", count);
    uint64_t sum_us = h[kHistogram - 1];
    snprintf(text, sizeof text, "%" PRIu64 ".%06" PRIu64, sum_us / 1000000, sum_us % 1000000);
    Line(name + "_sum", labels, text);
    Value(name + "_count", labels, count);
  }
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

std::string Label(std::string_view name, std::string_view value) {
  return std::string(name).append("=\"").append(value).append("\"");
}

bool IsEmpty(const uint64_t* h) {
  for (size_t i = 0; i + 1 < kHistogram; ++i) {
    if (h[i] != 0) return false;
  }
  return true;
}

void RenderRequests(const Values& v, Text* text) {
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

void RenderCalls(const Values& v, const BackendNames& names, Text* text) {
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

void Metrics::OnUploadKept() {
  if (region_) region_->Add(kUploadsKept, 1);
}

void Metrics::OnTokenDisagreement() {
  if (region_) region_->Add(kTokenDisagreements, 1);
}

void Metrics::OnAuditLost() {
  if (region_) region_->Add(kAuditLost, 1);
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
  Text text;
  text.Head("stateward_backend_info", "gauge", "The backends of this server.");
  text.Value("stateward_backend_info",
             Label("storage", names_.storage) + "," + Label("lock", names_.lock) + "," +
                 Label("kms", names_.kms),
             1);
  const std::string more = more_ ? more_() : "";
  if (!region_) return text.Take() + more;
  std::optional<uint64_t> untouched = Untouched();
  if (untouched) {
    text.Head("stateward_untouched_blobs", "gauge",
              "Blobs of terraform-backend that were not taken over, as counted last.");
    text.Value("stateward_untouched_blobs", "", *untouched);
  }
  Result<Region::Sum> sum = region_->Total();
  if (!sum.ok()) return text.Take() + more;
  text.Head("stateward_workers", "gauge", "Processes that count here.");
  text.Value("stateward_workers", "", sum->processes);
  text.Head("stateward_uploads_kept_total", "counter", "Refused writes that were kept.");
  text.Value("stateward_uploads_kept_total", "", sum->values[kUploadsKept]);
  text.Head("stateward_token_disagreements_total", "counter",
            "Tokens refused because OpenSSL and libjwt disagreed about their signature.");
  text.Value("stateward_token_disagreements_total", "", sum->values[kTokenDisagreements]);
  text.Head(
      "stateward_audit_lost_total", "counter",
      "Events of the audit trail that were not written, or not taken by syslog or the journal.");
  text.Value("stateward_audit_lost_total", "", sum->values[kAuditLost]);
  RenderRequests(sum->values, &text);
  RenderCalls(sum->values, names_, &text);
  return text.Take() + more;
}

}  // namespace stateward
