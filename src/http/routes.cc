#include "http/routes.h"

#include <charconv>

#include "base/state_name.h"
#include "http/answers.h"

namespace stateward {
namespace {

using B = BodyKind;
using M = Method;
using R = RouteName;
using V = Verb;

// path, method, needs credentials, for what, has a body, who answers
constexpr Route kRoutes[] = {
    {R::kHealth, M::kGet, false, V::kRead, B::kNone, AnswerHealth},
    {R::kReady, M::kGet, false, V::kRead, B::kNone, AnswerReady},
    {R::kMetrics, M::kGet, false, V::kRead, B::kNone, AnswerMetrics},
    // Monitors ask with HEAD. Of a state nobody does, and it would cost the reading of it.
    {R::kHealth, M::kHead, false, V::kRead, B::kNone, AnswerHealth},
    {R::kReady, M::kHead, false, V::kRead, B::kNone, AnswerReady},
    {R::kMetrics, M::kHead, false, V::kRead, B::kNone, AnswerMetrics},
    {R::kState, M::kGet, true, V::kRead, B::kNone, AnswerRead},
    {R::kState, M::kPost, true, V::kWrite, B::kDocument, AnswerWrite},
    {R::kState, M::kPut, true, V::kWrite, B::kDocument, AnswerWrite},
    {R::kState, M::kDelete, true, V::kDelete, B::kNone, AnswerDelete},
    {R::kState, M::kLock, true, V::kLock, B::kLockInfo, AnswerLock},
    {R::kState, M::kUnlock, true, V::kUnlock, B::kLockInfo, AnswerUnlock},
    // For proxies that drop the WebDAV verbs.
    {R::kLock, M::kPost, true, V::kLock, B::kLockInfo, AnswerLock},
    {R::kLock, M::kPut, true, V::kLock, B::kLockInfo, AnswerLock},
    {R::kLock, M::kLock, true, V::kLock, B::kLockInfo, AnswerLock},
    {R::kLock, M::kDelete, true, V::kUnlock, B::kLockInfo, AnswerUnlock},
    {R::kLock, M::kUnlock, true, V::kUnlock, B::kLockInfo, AnswerUnlock},
    {R::kOutputs, M::kGet, true, V::kOutputs, B::kNone, AnswerOutputs},
    // For clients that read the outputs of a state as they read a state.
    {R::kOutputsState, M::kGet, true, V::kOutputs, B::kNone, AnswerOutputsState},
    // As GitLab and Gitea have it, for viewers.
    {R::kVersion, M::kGet, true, V::kRead, B::kNone, AnswerVersion},
};

RouteName NameOf(const Target& target) {
  const std::vector<std::string>& s = target.segments;
  if (s.size() == 1 && s[0] == "health") return R::kHealth;
  if (s.size() == 1 && s[0] == "ready") return R::kReady;
  if (s.size() == 1 && s[0] == "metrics") return R::kMetrics;
  if (s.size() == 3 && s[0] == "state") return R::kState;
  if (s.size() == 4 && s[0] == "state" && s[3] == "lock") return R::kLock;
  if (s.size() == 4 && s[0] == "state" && s[3] == kOutputsName) return R::kOutputsState;
  if (s.size() == 5 && s[0] == "state" && s[3] == "versions") return R::kVersion;
  bool outputs = s.size() == 4 || s.size() == 5;
  if (outputs && s[0] == "state" && s[3] == "outputs") return R::kOutputs;
  return R::kUnknown;
}

bool ParseSerial(const std::string& text, uint64_t* out) {
  const char* end = text.data() + text.size();
  auto [stopped, error] = std::from_chars(text.data(), end, *out);
  return error == std::errc() && stopped == end;
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
    if (out->name == R::kOutputs && target.segments.size() == 5) out->output = target.segments[4];
    if (out->name == R::kVersion && !ParseSerial(target.segments[4], &out->serial)) {
      return Status::InvalidArgument("a version's serial must be a whole number");
    }
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
