#include "http/target.h"

#include <CppUTest/TestHarness.h>

#include <string>

#include "base/state_name.h"
#include "http/basic_header.h"
#include "http/status_map.h"

namespace stateward {

TEST_GROUP(Target){};

TEST(Target, DecodesEachSegmentOnce) {
  Result<Target> t = ParseTarget("/state/a%2Db/%63?ID=x%20y&a=b&flag");
  CHECK(t.ok());
  UNSIGNED_LONGS_EQUAL(3, t->segments.size());
  STRCMP_EQUAL("a-b", t->segments[1].c_str());
  STRCMP_EQUAL("c", t->segments[2].c_str());
  STRCMP_EQUAL("x y", t->query[0].second.c_str());
  Result<Target> twice = ParseTarget("/state/a/%2563");
  STRCMP_EQUAL("%63", twice->segments[2].c_str());
}

TEST(Target, TheAbsoluteFormIsTheSamePath) {
  for (const char* same : {"http://h/state/a/b?ID=x", "https://h:8443/state/a/b?ID=x"}) {
    Result<Target> t = ParseTarget(same);
    CHECK_TEXT(t.ok(), same);
    UNSIGNED_LONGS_EQUAL(3, t->segments.size());
    STRCMP_EQUAL("x", t->query[0].second.c_str());
  }
}

TEST(Target, TrailingSlashIsTheSamePath) {
  UNSIGNED_LONGS_EQUAL(3, ParseTarget("/state/a/b/")->segments.size());
}

TEST(Target, Refuses) {
  for (const char* bad :
       {"", "state/a/b", "http://h", "http://h?ID=x", "ftp://h/state/a/b", "//state/a/b",
        "/state//b", "/state/a/b//", "/state/a%2Fb/c", "/state/a/%00", "/state/a/%zz",
        "/state/a/%4", "/state/a/b?ID=%x", "/state/./b", "/state/a/%2e%2e/b", "/state/a/b/..",
        "/state/a/\x01", "*"}) {
    CHECK_TEXT(!ParseTarget(bad).ok(), bad);
  }
  CHECK_FALSE(ParseTarget("/" + std::string(kMaxTarget, 'a')).ok());
}

// A web server that resolves the path before it judges it must come to the same one.
TEST(Target, BelowTheApiTheNameAloneHasSlashes) {
  Result<Target> nested = ParseTarget("/api/v1/states/net/eu%2Fprod%2fvpc/versions?changes=true");
  CHECK(nested.ok());
  STRCMP_EQUAL("eu/prod/vpc", nested->segments[4].c_str());
  UNSIGNED_LONGS_EQUAL(6, nested->segments.size());
  for (const char* bad :
       {"/api/v1/uploads/..%2F..%2F..%2Fstate%2Fx", "/api/v1/uploads/a%2Fb",
        "/api/v1/uploads/a%2Fb/diff", "/api/v1/uploads/..", "/api/v1/uploads/%2e%2E/diff",
        "/api/v1/states/net%2Fprod", "/api/v1/states/a%2Fb/prod", "/api/v1/states/net/prod/a%2Fb",
        "/api/v1/states/net/prod/versions/a%2Fb", "/api/v1/states%2Fnet/prod/x",
        "/api/v1/states/net/..%2F..%2F..%2F..%2Fstate%2Fx", "/api/v1/states/net/a%2F..",
        "/api/v1/states/net/a%2F.%2Fb", "/api/v1/states/net/..", "/api/v1/states/../v1",
        "/api/v2/states/net/a%2Fb"}) {
    CHECK_TEXT(!ParseTarget(bad).ok(), bad);
  }
  // Dots that are part of a name are none.
  CHECK(ParseTarget("/api/v1/states/net/..a%2F.b%2F...").ok());
}

TEST(Target, OnlyOneId) {
  STRCMP_EQUAL("x", OnlyQuery(*ParseTarget("/s?ID=x&b=1"), "ID")->c_str());
  STRCMP_EQUAL("", OnlyQuery(*ParseTarget("/s?id=x"), "ID")->c_str());
  CHECK_FALSE(OnlyQuery(*ParseTarget("/s?ID=x&ID=x"), "ID").ok());
}

TEST(Target, StateNames) {
  CHECK(IsStateName("a"));
  CHECK(IsStateName("A-Z.a_z~0"));
  CHECK(IsStateName(std::string(128, 'x')));
  for (const std::string& bad :
       {std::string(""), std::string("."), std::string(".."), std::string(129, 'x'),
        std::string("a b"), std::string("a\xc3\xa4"), std::string("a/b"), std::string("a%")}) {
    CHECK_FALSE(IsStateName(bad));
  }
}

TEST(Target, OnlyAbsenceIs404) {
  for (int c = 0; c <= static_cast<int>(Code::kInternal); ++c) {
    Code code = static_cast<Code>(c);
    CHECK(ToHttp(code).code == code);
    CHECK((ToHttp(code).status == 404) == (code == Code::kNotFound));
    int status = ToHttp(code).status;
    CHECK((status == 503 || status == 429) == (ToHttp(code).retry_after_s > 0));
  }
}

TEST(Target, BearerHeader) {
  Result<Credentials> c = ParseAuthorization(SecretString("bEaReR  a-b._~+/c=="));
  CHECK(c.ok() && c->bearer);
  STRCMP_EQUAL("", c->user.c_str());
  STRCMP_EQUAL("a-b._~+/c==", std::string(c->secret.Reveal()).c_str());
  for (const char* bad : {"Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer =", "Bearer a=b",
                          "Bearer a, Bearer b", "Bearer a\t", "Bearer \xc3\xa4", "Bearer:a"}) {
    CHECK_TEXT(ParseAuthorization(SecretString(bad)).status().code() == Code::kUnauthenticated,
               bad);
  }
}

TEST(Target, BasicHeader) {
  // base64 of "basic:a:b"
  Result<Credentials> c = ParseAuthorization(SecretString("bAsIc YmFzaWM6YTpi"));
  CHECK(c.ok());
  STRCMP_EQUAL("basic", c->user.c_str());
  STRCMP_EQUAL("a:b", std::string(c->secret.Reveal()).c_str());
  for (const char* bad :
       {"", "Basic", "Basic ", "Digest abc", "Basicx", "Basic YmFzaWM6YTpi, Basic YmFzaWM6YTpi",
        "Basic YmFzaWM6YTpi=", "Basic YmFzaWM=", "Basic !!!!"}) {
    CHECK_TEXT(ParseAuthorization(SecretString(bad)).status().code() == Code::kUnauthenticated,
               bad);
  }
}

}  // namespace stateward
