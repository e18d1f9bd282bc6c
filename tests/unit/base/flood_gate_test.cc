#include "base/flood_gate.h"

#include <CppUTest/TestHarness.h>

#include <string>

#include "base/network.h"

namespace stateward {

TEST_GROUP(FloodGate) {
  FloodGate refusals;
  uint64_t left_out = 0;
  int Flood(const std::string& address, int times, int64_t now_us) {
    int logged = 0;
    for (int i = 0; i < times; ++i) logged += refusals.MayPass(address, now_us, &left_out) ? 1 : 0;
    return logged;
  }
};

TEST(FloodGate, AFloodIsSaidAndNotWritten) {
  LONGS_EQUAL(FloodGate::kLines, Flood("1.2.3.4", 10000, 1000));
  CHECK(refusals.MayPass("5.6.7.8", 1000, &left_out));
  UNSIGNED_LONGS_EQUAL(0, left_out);
  CHECK(refusals.MayPass("1.2.3.4", 1000 + FloodGate::kForgetUs, &left_out));
  UNSIGNED_LONGS_EQUAL(10000 - FloodGate::kLines, left_out);
}

TEST(FloodGate, NetworksWithoutEndShareOne) {
  int logged = 0;
  for (int i = 0; i < 5000; ++i) logged += Flood("host" + std::to_string(i), 1, 1000);
  LONGS_EQUAL(FloodGate::kMaxNetworks + FloodGate::kLines, logged);
}

TEST(FloodGate, AFloodThatEndedIsToldOnce) {
  Flood("1.2.3.4", FloodGate::kLines + 7, 1000);
  CHECK(refusals.TakeQuiet(1000 + FloodGate::kQuietUs - 1).empty());
  const auto quiet = refusals.TakeQuiet(1000 + FloodGate::kQuietUs);
  UNSIGNED_LONGS_EQUAL(1, quiet.size());
  STRCMP_EQUAL("1.2.3.4", quiet[0].first.c_str());
  UNSIGNED_LONGS_EQUAL(7, quiet[0].second);
  CHECK(refusals.TakeAll().empty());
}

TEST(FloodGate, NetworkOfAnAddress) {
  STRCMP_EQUAL("1.2.3.4", NetworkOf("1.2.3.4").c_str());
  STRCMP_EQUAL("1.2.3.4", NetworkOf("::ffff:1.2.3.4").c_str());
  STRCMP_EQUAL("2001:db8:0:1::/64", NetworkOf("2001:0DB8:0:1:ffff::2").c_str());
  STRCMP_EQUAL("", NetworkOf("").c_str());
  STRCMP_EQUAL("unix:", NetworkOf("unix:").c_str());
}

}  // namespace stateward
