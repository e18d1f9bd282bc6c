// Where a server listens and whom it lets in: what the settings may say.
#include "fcgi/listen_socket.h"

#include <CppUTest/TestHarness.h>

#include "metrics/listener.h"

namespace stateward {

TEST_GROUP(ListenSettings){};

TEST(ListenSettings, APortIsOneOfThoseThatThereAre) {
  for (const char* good : {"127.0.0.1:1", "127.0.0.1:65535", "[::1]:9000"}) {
    CHECK_TEXT(CheckListen(good).ok(), good);
    CHECK_TEXT(MetricsListener::CheckAddress(good).ok(), good);
  }
  CHECK(MetricsListener::CheckAddress(":9000").ok());
  for (const char* bad :
       {"127.0.0.1:65536", "127.0.0.1:99999", "127.0.0.1:4294967297", "127.0.0.1:0",
        "127.0.0.1:", "127.0.0.1:+1", "127.0.0.1:80x", "127.0.0.1", "localhost:9000", ""}) {
    CHECK_TEXT(CheckListen(bad).code() == Code::kInvalidArgument, bad);
    CHECK_TEXT(MetricsListener::CheckAddress(bad).code() == Code::kInvalidArgument, bad);
  }
  CHECK(CheckListen(":9000").code() == Code::kInvalidArgument);
}

TEST(ListenSettings, UserNumbersThatAreNoneLetNobodyIn) {
  for (const char* good : {"", "0", "33", "33, 1000", "33,"}) {
    CHECK_TEXT(PeerRules::Parse("", good).ok(), good);
  }
  for (const char* bad : {",", " ", " , ", "www-data", "33,x"}) {
    CHECK_FALSE_TEXT(PeerRules::Parse("", bad).ok(), bad);
  }
}

}  // namespace stateward
