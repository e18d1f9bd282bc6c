#include "http/routes.h"

#include <algorithm>
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

RouteName FixedRoute(const std::string& segment) {
  if (segment == "health") return R::kHealth;
  if (segment == "ready") return R::kReady;
  return segment == "metrics" ? R::kMetrics : R::kUnknown;
}

// What stands behind a state's address, and how many segments that are.
struct Behind {
  RouteName name = R::kState;
  size_t segments = 0;
};

// REQUIRES: at least two segments, project and name. The last but one is looked at first: an output
// may be called "lock".
Behind FindBehind(const std::vector<std::string>& path) {
  const size_t n = path.size();
  if (n >= 4 && path[n - 2] == "versions") return {R::kVersion, 2};
  if (n >= 4 && path[n - 2] == "outputs") return {R::kOutputs, 2};
  if (n >= 3 && path[n - 1] == "lock") return {R::kLock, 1};
  if (n >= 3 && path[n - 1] == "outputs") return {R::kOutputs, 1};
  if (n >= 3 && path[n - 1] == kOutputsName) return {R::kOutputsState, 1};
  return {};
}

std::string Joined(const std::vector<std::string>& path, size_t from, size_t to) {
  std::string out = path[from];
  for (size_t i = from + 1; i < to; ++i) out.append("/").append(path[i]);
  return out;
}

// The segments behind the base path; empty when it is not there.
std::vector<std::string> BehindBase(const Target& target, const AddressRules& rules) {
  const auto base = static_cast<ptrdiff_t>(rules.base.size());
  const std::vector<std::string>& all = target.segments;
  if (all.size() < rules.base.size() ||
      !std::equal(rules.base.begin(), rules.base.end(), all.begin())) {
    return {};
  }
  return {all.begin() + base, all.end()};
}

bool ParseSerial(const std::string& text, uint64_t* out) {
  const char* end = text.data() + text.size();
  auto [stopped, error] = std::from_chars(text.data(), end, *out);
  return error == std::errc() && stopped == end;
}

// What of the address says which state, and what of it.
Status MatchState(const std::vector<std::string>& path, const AddressRules& rules, Matched* out) {
  const Behind behind = FindBehind(path);
  const size_t end = path.size() - behind.segments;
  if (end > 2 && !rules.nested) return Status::InvalidArgument("no such path");
  out->name = behind.name;
  const std::string name = Joined(path, 1, end);
  if (!IsStateName(path[0]) || !rules.Takes(name)) {
    return Status::InvalidArgument(
        rules.nested ? "project and each part of the name must be 1 to 128 of A-Z a-z 0-9 . _ ~ -, "
                       "not . or ..; with several parts none of them may be lock, outputs, "
                       "outputs.tfstate or versions, and all are at most 512 bytes"
                     : "project and state must be 1 to 128 of A-Z a-z 0-9 . _ ~ -, not . or ..");
  }
  out->project = path[0];
  out->state = name;
  if (out->name == R::kOutputs && behind.segments == 2) out->output = path.back();
  if (out->name == R::kVersion && !ParseSerial(path.back(), &out->serial)) {
    return Status::InvalidArgument("a version's serial must be a whole number");
  }
  return Status();
}

}  // namespace

Status MatchRoute(Method method, const Target& target, const AddressRules& rules, Matched* out,
                  std::string* allow) {
  const std::vector<std::string> path = BehindBase(target, rules);
  if (path.size() >= 2) {
    STATEWARD_RETURN_IF_ERROR(MatchState(path, rules, out));
  } else if (target.segments.size() == 1) {
    out->name = FixedRoute(target.segments[0]);
  }
  if (out->name == R::kUnknown) return Status::InvalidArgument("no such path");
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
