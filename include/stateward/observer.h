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

// Thread-safe.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void OnRequest(RouteName route, Method method, int status, int64_t duration_us) = 0;
  // One call of a backend: `call` is the method's name in lower case ("append", "get_newest").
  virtual void OnBackendCall(BackendKind kind, std::string_view call, bool ok,
                             int64_t duration_us) = 0;
  // A refused upload was kept.
  virtual void OnUploadKept() = 0;
  // Two verifiers disagreed about the signature of a token; it was refused.
  virtual void OnTokenDisagreement() {}
  // An event of the audit trail was not written, or not taken by the journal or syslog.
  virtual void OnAuditLost() {}
};

}  // namespace stateward

#endif  // STATEWARD_OBSERVER_H_
