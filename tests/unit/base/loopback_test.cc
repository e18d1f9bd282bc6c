#include "base/loopback.h"

#include <CppUTest/TestHarness.h>

namespace stateward {

TEST_GROUP(Loopback){};

TEST(Loopback, WhatStaysOnThisHost) {
  for (const char* host : {"localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"}) {
    CHECK_TEXT(IsLoopback(host), host);
  }
}

// Anybody can have such a name lead to any address.
TEST(Loopback, NamesThatOnlyLookLikeIt) {
  for (const char* host : {"", "10.0.0.1", "128.0.0.1", "redis", "localhost.example", "127.example",
                           "127.0.0.1.evil.example", "127.0.0.1 ", "[::2]", "::1.example"}) {
    CHECK_FALSE_TEXT(IsLoopback(host), host);
  }
}

}  // namespace stateward
