// Which addresses a webhook may go to.
#include <CppUTest/TestHarness.h>
#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

#include "base/network.h"

namespace stateward {
namespace {

bool IsPublic(const char* text) {
  sockaddr_storage address{};
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    memcpy(&address, &v4, sizeof v4);
  } else {
    CHECK_TEXT(inet_pton(AF_INET6, text, &v6.sin6_addr) == 1, text);
    v6.sin6_family = AF_INET6;
    memcpy(&address, &v6, sizeof v6);
  }
  return IsPublicAddress(reinterpret_cast<const sockaddr*>(&address));
}

}  // namespace

TEST_GROUP(PublicAddress){};

TEST(PublicAddress, OfTheInternetAtLarge) {
  for (const char* text :
       {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255",
        "172.32.0.0", "192.167.255.255", "198.17.255.255", "223.255.255.255", "2606:4700::1111",
        "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::1", "2a00:1450::1"}) {
    CHECK_TEXT(IsPublic(text), text);
  }
}

TEST(PublicAddress, AllOthersAreNot) {
  for (const char* text : {"0.0.0.0",
                           "10.0.0.1",
                           "100.64.0.1",
                           "127.0.0.1",
                           "127.255.0.1",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.1",
                           "192.0.2.1",
                           "192.168.1.1",
                           "198.18.0.1",
                           "198.51.100.1",
                           "203.0.113.1",
                           "224.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::127.0.0.1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.0.0.1",
                           "::ffff:169.254.169.254",
                           "64:ff9b::7f00:1",
                           "64:ff9b:1::1",
                           "2002:7f00:1::1",
                           "2002:a00:1::1",
                           "2001::1",
                           "2001:db8::1",
                           "fc00::1",
                           "fd00::1",
                           "fe80::1",
                           "fec0::1",
                           "ff02::1",
                           "100::1"}) {
    CHECK_FALSE_TEXT(IsPublic(text), text);
  }
}

}  // namespace stateward
