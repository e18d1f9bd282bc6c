// The table of routes: which request has which answer.
#include "http/answers.h"

#include <CppUTest/TestHarness.h>

#include <string>

#include "http/routes.h"
#include "http/target.h"

namespace stateward {

TEST_GROUP(Routes){};

TEST(Routes, RoutesAndTheirMethods) {
  Matched m;
  std::string allow;
  CHECK(MatchRoute(Method::kPut, *ParseTarget("/state/a/b"), &m, &allow).ok());
  CHECK(m.route->answer == AnswerWrite);
  CHECK(MatchRoute(Method::kDelete, *ParseTarget("/state/a/b/lock"), &m, &allow).ok());
  CHECK(m.route->answer == AnswerUnlock);
  Status other = MatchRoute(Method::kOther, *ParseTarget("/state/a/b"), &m, &allow);
  CHECK(other.code() == Code::kMethodNotAllowed);
  STRCMP_EQUAL("GET, POST, PUT, DELETE, LOCK, UNLOCK", allow.c_str());
  for (const char* bad :
       {"/", "/state", "/state/a", "/state/a/b/c", "/state/a/b/lock/c", "/Health", "/state/a/..",
        "/state/./b", "/state/a/b/versions", "/state/a/b/versions/x", "/state/a/b/versions/-1",
        "/state/a/b/versions/1x", "/state/a/b/versions/18446744073709551616"}) {
    Status status = MatchRoute(Method::kGet, *ParseTarget(bad), &m, &allow);
    CHECK_TEXT(status.code() == Code::kInvalidArgument, bad);
  }
}

TEST(Routes, EveryRouteOfAStateNeedsCredentials) {
  for (const char* path : {"/state/a/b", "/state/a/b/lock", "/state/a/b/versions/1"}) {
    for (Method method : {Method::kGet, Method::kPost, Method::kPut, Method::kDelete, Method::kLock,
                          Method::kUnlock}) {
      Matched m;
      std::string allow;
      if (MatchRoute(method, *ParseTarget(path), &m, &allow).ok()) CHECK(m.route->auth);
    }
  }
}

TEST(Routes, AVersionIsNamedByItsSerial) {
  Matched m;
  std::string allow;
  CHECK(MatchRoute(Method::kGet, *ParseTarget("/state/a/b/versions/41"), &m, &allow).ok());
  CHECK(m.route->answer == AnswerVersion && m.route->auth && m.route->verb == Verb::kRead);
  CHECK(m.serial == 41 && !m.output);
  Status post = MatchRoute(Method::kPost, *ParseTarget("/state/a/b/versions/41"), &m, &allow);
  CHECK(post.code() == Code::kMethodNotAllowed);
}

}  // namespace stateward
