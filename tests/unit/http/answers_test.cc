// The table of routes: which request has which answer.
#include "http/answers.h"

#include <CppUTest/TestHarness.h>

#include <string>

#include "http/routes.h"
#include "http/target.h"

namespace stateward {

namespace {

Status Match(Method method, const char* path, Matched* m, std::string* allow,
             const AddressRules& rules = {}) {
  *m = Matched();
  Result<Target> target = ParseTarget(path);
  if (!target.ok()) return std::move(target).status();
  return MatchRoute(method, *target, rules, m, allow);
}

}  // namespace

TEST_GROUP(Routes){};

TEST(Routes, RoutesAndTheirMethods) {
  Matched m;
  std::string allow;
  CHECK(Match(Method::kPut, "/state/a/b", &m, &allow).ok());
  CHECK(m.route->answer == AnswerWrite);
  CHECK(Match(Method::kDelete, "/state/a/b/lock", &m, &allow).ok());
  CHECK(m.route->answer == AnswerUnlock);
  Status other = Match(Method::kOther, "/state/a/b", &m, &allow);
  CHECK(other.code() == Code::kMethodNotAllowed);
  STRCMP_EQUAL("GET, POST, PUT, DELETE, LOCK, UNLOCK", allow.c_str());
  for (const char* bad :
       {"/", "/state", "/state/a", "/state/a/b/c", "/state/a/b/lock/c", "/Health", "/state/a/..",
        "/state/./b", "/state/a/b/versions", "/state/a/b/versions/x", "/state/a/b/versions/-1",
        "/state/a/b/versions/1x", "/state/a/b/versions/18446744073709551616"}) {
    Status status = Match(Method::kGet, bad, &m, &allow);
    CHECK_TEXT(status.code() == Code::kInvalidArgument, bad);
  }
}

TEST(Routes, EveryRouteOfAStateNeedsCredentials) {
  for (const char* path : {"/state/a/b", "/state/a/b/lock", "/state/a/b/versions/1"}) {
    for (Method method : {Method::kGet, Method::kPost, Method::kPut, Method::kDelete, Method::kLock,
                          Method::kUnlock}) {
      Matched m;
      std::string allow;
      if (Match(method, path, &m, &allow).ok()) CHECK(m.route->auth);
    }
  }
}

TEST(Routes, AVersionIsNamedByItsSerial) {
  Matched m;
  std::string allow;
  CHECK(Match(Method::kGet, "/state/a/b/versions/41", &m, &allow).ok());
  CHECK(m.route->answer == AnswerVersion && m.route->auth && m.route->verb == Verb::kRead);
  CHECK(m.serial == 41 && !m.output);
  Status post = Match(Method::kPost, "/state/a/b/versions/41", &m, &allow);
  CHECK(post.code() == Code::kMethodNotAllowed);
}

TEST(Routes, StatesMayStandElsewhere) {
  Matched m;
  std::string allow;
  AddressRules rules;
  rules.base = *ParseBasePath("/terraform/v1");
  CHECK(Match(Method::kGet, "/terraform/v1/a/b", &m, &allow, rules).ok());
  STRCMP_EQUAL("a", m.project.c_str());
  STRCMP_EQUAL("b", m.state.c_str());
  CHECK(Match(Method::kPost, "/terraform/v1/a/b/lock", &m, &allow, rules).ok());
  CHECK(m.route->answer == AnswerLock);
  CHECK(Match(Method::kGet, "/health", &m, &allow, rules).ok());
  for (const char* none : {"/state/a/b", "/terraform/a/b", "/terraform/v1/a", "/terraform/v1"}) {
    CHECK_TEXT(Match(Method::kGet, none, &m, &allow, rules).code() == Code::kInvalidArgument, none);
  }
  for (const char* bad : {"", "/", "state", "/a//b", "/a/", "/api", "/health/x", "/ready",
                          "/metrics", "/a/b/c/d/e", "/a b", "/..", "/a?b"}) {
    CHECK_TEXT(!ParseBasePath(bad).ok(), bad);
  }
  CHECK(ParseBasePath("/a/api/b/c").ok());
}

TEST(Routes, NamesMayHaveSlashes) {
  Matched m;
  std::string allow;
  AddressRules rules;
  rules.nested = true;
  struct Case {
    const char* path;
    RouteName name;
    const char* state;
  };
  for (const Case& one : {
           Case{"/state/p/a/b/c", RouteName::kState, "a/b/c"},
           Case{"/state/p/a/b/c/lock", RouteName::kLock, "a/b/c"},
           Case{"/state/p/a/b/outputs", RouteName::kOutputs, "a/b"},
           Case{"/state/p/a/b/outputs/lock", RouteName::kOutputs, "a/b"},
           Case{"/state/p/a/b/outputs.tfstate", RouteName::kOutputsState, "a/b"},
           Case{"/state/p/a/b/versions/7", RouteName::kVersion, "a/b"},
           // A name of one part may be any of the words, as it always could.
           Case{"/state/p/lock", RouteName::kState, "lock"},
           Case{"/state/p/versions/lock", RouteName::kLock, "versions"},
       }) {
    Status matched = Match(one.name == RouteName::kLock ? Method::kPost : Method::kGet, one.path,
                           &m, &allow, rules);
    CHECK_TEXT(matched.ok(), one.path);
    CHECK_TEXT(m.name == one.name, one.path);
    STRCMP_EQUAL(one.state, m.state.c_str());
    STRCMP_EQUAL("p", m.project.c_str());
    CHECK_TEXT(!Match(Method::kGet, one.path, &m, &allow).ok() || m.state.find('/') == m.state.npos,
               one.path);
  }
  const std::string part(128, 'x');
  const std::string longest = part + "/" + part + "/" + part + "/" + part.substr(0, 125);
  CHECK(Match(Method::kGet, ("/state/p/" + longest).c_str(), &m, &allow, rules).ok());
  for (const std::string& bad :
       {std::string("a/lock/b"), std::string("a/outputs/b/c"), std::string("a/versions/b/c"),
        std::string("a/outputs.tfstate/b"), std::string("a/../b"), std::string("a/b%2Fc"),
        longest + "x", part + "x/a", std::string("a/versions/lock/lock")}) {
    Result<Target> target = ParseTarget("/state/p/" + bad);
    const bool matched = target.ok() && MatchRoute(Method::kGet, *target, rules, &m, &allow).ok();
    CHECK_TEXT(!matched, bad.c_str());
  }
}

}  // namespace stateward
