#include "http/origin.h"

#include <CppUTest/TestHarness.h>

namespace stateward {

TEST_GROUP(Origin){
    static bool IsOurs(const char* origin, const char* host, bool https){Request request;
request.origin = origin;
request.host = host;
request.https = https;
return CheckOrigin(request).ok();
}  // namespace stateward
}
;

TEST(Origin, ProgramsSendNone) { CHECK_TRUE(IsOurs("", "a.example", true)); }

TEST(Origin, TheServersOwnPages) {
  for (const bool https : {false, true}) {
    CHECK_TRUE(IsOurs("https://a.example", "a.example", https));
    CHECK_TRUE(IsOurs("HTTPS://A.example", "a.EXAMPLE:443", https));
    CHECK_TRUE(IsOurs("https://a.example:8443", "a.example:8443", https));
  }
  CHECK_TRUE(IsOurs("http://a.example", "a.example:80", false));
}

TEST(Origin, PagesOfOtherSites) {
  for (const char* origin : {"https://b.example", "https://a.example.b.example", "null", "https://",
                             "a.example", "ftp://a.example", "https://a.example:8443"}) {
    CHECK_FALSE(IsOurs(origin, "a.example", true));
    CHECK_FALSE(IsOurs(origin, "a.example", false));
  }
  CHECK_FALSE(IsOurs("https://", "", true));
}

TEST(Origin, APageThatCameWithoutTlsIsAnotherSite) {
  CHECK_FALSE(IsOurs("http://a.example", "a.example", true));
  CHECK_FALSE(IsOurs("http://a.example:443", "a.example:443", true));
}

TEST(Origin, TlsMayEndBeforeTheWebServer) {
  CHECK_TRUE(IsOurs("https://a.example", "a.example", false));
}

}  // namespace stateward
