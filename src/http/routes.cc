#include "http/routes.h"

#include "base/state_name.h"

namespace stateward {
namespace {

using A = Action;
using M = Method;
using R = RouteName;
using V = Verb;

// path, verb, what is done, needs credentials, for what, has a body
constexpr Route kRoutes[] = {
    {R::kHealth, M::kGet, A::kHealth, false, V::kRead, false},
    {R::kReady, M::kGet, A::kReady, false, V::kRead, false},
    {R::kMetrics, M::kGet, A::kMetrics, false, V::kRead, false},
    // Monitors ask with HEAD. Of a state nobody does, and it would cost the reading of it.
    {R::kHealth, M::kHead, A::kHealth, false, V::kRead, false},
    {R::kReady, M::kHead, A::kReady, false, V::kRead, false},
    {R::kMetrics, M::kHead, A::kMetrics, false, V::kRead, false},
    {R::kState, M::kGet, A::kRead, true, V::kRead, false},
    {R::kState, M::kPost, A::kWrite, true, V::kWrite, true},
    {R::kState, M::kPut, A::kWrite, true, V::kWrite, true},
    {R::kState, M::kDelete, A::kDelete, true, V::kDelete, false},
    {R::kState, M::kLock, A::kLock, true, V::kLock, true},
    {R::kState, M::kUnlock, A::kUnlock, true, V::kUnlock, true},
    // For proxies that drop the WebDAV verbs.
    {R::kLock, M::kPost, A::kLock, true, V::kLock, true},
    {R::kLock, M::kPut, A::kLock, true, V::kLock, true},
    {R::kLock, M::kLock, A::kLock, true, V::kLock, true},
    {R::kLock, M::kDelete, A::kUnlock, true, V::kUnlock, true},
    {R::kLock, M::kUnlock, A::kUnlock, true, V::kUnlock, true},
    {R::kOutputs, M::kGet, A::kOutputs, true, V::kOutputs, false},
};

RouteName NameOf(const Target& target) {
  const std::vector<std::string>& s = target.segments;
  if (s.size() == 1 && s[0] == "health") return R::kHealth;
  if (s.size() == 1 && s[0] == "ready") return R::kReady;
  if (s.size() == 1 && s[0] == "metrics") return R::kMetrics;
  if (s.size() == 3 && s[0] == "state") return R::kState;
  if (s.size() == 4 && s[0] == "state" && s[3] == "lock") return R::kLock;
  bool outputs = s.size() == 4 || s.size() == 5;
  if (outputs && s[0] == "state" && s[3] == "outputs") return R::kOutputs;
  return R::kUnknown;
}

}  // namespace

Status MatchRoute(Method method, const Target& target, Matched* out, std::string* allow) {
  out->name = NameOf(target);
  if (out->name == R::kUnknown) return Status::InvalidArgument("no such path");
  if (target.segments.size() >= 3) {
    if (!IsStateName(target.segments[1]) || !IsStateName(target.segments[2])) {
      return Status::InvalidArgument(
          "project and state are to be 1 to 128 of A-Z a-z 0-9 . _ ~ -, not . or ..");
    }
    out->project = target.segments[1];
    out->state = target.segments[2];
    if (target.segments.size() == 5) out->output = target.segments[4];
  }
  allow->clear();
  for (const Route& route : kRoutes) {
    if (route.name != out->name) continue;
    if (route.method == method) {
      out->route = &route;
      return Status();
    }
    if (!allow->empty()) *allow += ", ";
    allow->append(MethodName(route.method));
  }
  return {Code::kMethodNotAllowed, "method not allowed here"};
}

std::string_view MethodName(Method method) {
  switch (method) {
    case M::kGet:
      return "GET";
    case M::kPost:
      return "POST";
    case M::kPut:
      return "PUT";
    case M::kDelete:
      return "DELETE";
    case M::kLock:
      return "LOCK";
    case M::kUnlock:
      return "UNLOCK";
    case M::kHead:
      return "HEAD";
    case M::kOther:
      return "other";
  }
  return "other";
}

}  // namespace stateward
