// The table of routes: what may be asked where, and who answers. Preconditions are columns, so that
// no answer checks them again.
#ifndef STATEWARD_HTTP_ROUTES_H_
#define STATEWARD_HTTP_ROUTES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/address_rules.h"
#include "http/target.h"
#include "stateward/authenticator.h"
#include "stateward/bytes.h"
#include "stateward/http.h"
#include "stateward/observer.h"
#include "stateward/result.h"

namespace stateward {

struct Exchange;
struct HandlerParts;
// http/answers.h
using AnswerFn = Response (*)(const HandlerParts& parts, Exchange* exchange, ByteView body);

// What a request's body may be, which says how large.
enum class BodyKind : uint8_t {
  kNone,      // not read
  kLockInfo,  // kMaxLockInfoBytes
  kDocument,  // MAX_STATE_BYTES
};

struct Route {
  RouteName name;
  Method method;
  bool auth;  // credentials are needed; `verb` says for what
  Verb verb;
  BodyKind body;
  AnswerFn answer;
};

// Behind a state's address: its outputs as a state document of their own.
inline constexpr std::string_view kOutputsName = "outputs.tfstate";

struct Matched {
  const Route* route = nullptr;
  RouteName name = RouteName::kUnknown;
  std::string project;
  std::string state;
  std::optional<std::string> output;  // with kOutputs: which one; nullopt = all
  uint64_t serial = 0;                // with kVersion
};

// Fills `out` as far as it gets, for the log and metrics, also when it fails.
// kInvalidArgument: no such path, or a bad name. kMethodNotAllowed: `*allow` lists what may be.
Status MatchRoute(Method method, const Target& target, const AddressRules& rules, Matched* out,
                  std::string* allow);

std::string_view MethodName(Method method);

}  // namespace stateward

#endif  // STATEWARD_HTTP_ROUTES_H_
