// The table of routes: what may be asked where. Preconditions are columns, so that no handler
// checks them again.
#ifndef STATEWARD_HTTP_ROUTES_H_
#define STATEWARD_HTTP_ROUTES_H_

#include <optional>
#include <string>

#include "http/target.h"
#include "stateward/authenticator.h"
#include "stateward/http.h"
#include "stateward/observer.h"
#include "stateward/result.h"

namespace stateward {

enum class Action : uint8_t {
  kHealth,
  kReady,
  kMetrics,
  kRead,
  kWrite,
  kDelete,
  kLock,
  kUnlock,
  kOutputs,
};

struct Route {
  RouteName name;
  Method method;
  Action action;
  bool auth;  // credentials are needed; `verb` says for what
  Verb verb;
  bool body;  // the body is read
};

struct Matched {
  const Route* route = nullptr;
  RouteName name = RouteName::kUnknown;
  std::string project;
  std::string state;
  std::optional<std::string> output;  // with kOutputs: which one; nullopt = all
};

// Fills `out` as far as it gets, for the log and metrics, also when it fails.
// kInvalidArgument: no such path, or a bad name. kMethodNotAllowed: `*allow` lists what may be.
Status MatchRoute(Method method, const Target& target, Matched* out, std::string* allow);

std::string_view MethodName(Method method);

}  // namespace stateward

#endif  // STATEWARD_HTTP_ROUTES_H_
