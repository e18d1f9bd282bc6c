#include "http/refusal_log.h"

#include <CppUTest/TestHarness.h>

#include <string>

#include "base/network.h"

namespace stateward {

TEST_GROUP(RefusalLog) {
  RefusalLog refusals;
  uint64_t left_out = 0;
  int Flood(const std::string& address, int times, int64_t now_us) {
    int logged = 0;
    for (int i = 0; i < times; ++i) logged += refusals.MayLog(address, now_us, &left_out) ? 1 : 0;
    return logged;
  }
};

TEST(RefusalLog, AFloodIsSaidAndNotWritten) {
  LONGS_EQUAL(RefusalLog::kLines, Flood("1.2.3.4", 10000, 1000));
  CHECK(refusals.MayLog("5.6.7.8", 1000, &left_out));
  UNSIGNED_LONGS_EQUAL(0, left_out);
  CHECK(refusals.MayLog("1.2.3.4", 1000 + RefusalLog::kForgetUs, &left_out));
  UNSIGNED_LONGS_EQUAL(10000 - RefusalLog::kLines, left_out);
}

TEST(RefusalLog, NetworksWithoutEndShareOne) {
  int logged = 0;
  for (int i = 0; i < 5000; ++i) logged += Flood("host" + std::to_string(i), 1, 1000);
  LONGS_EQUAL(RefusalLog::kMaxNetworks + RefusalLog::kLines, logged);
}

TEST(RefusalLog, NetworkOfAnAddress) {
  STRCMP_EQUAL("1.2.3.4", NetworkOf("1.2.3.4").c_str());
  STRCMP_EQUAL("1.2.3.4", NetworkOf("::ffff:1.2.3.4").c_str());
  STRCMP_EQUAL("2001:db8:0:1::/64", NetworkOf("2001:0DB8:0:1:ffff::2").c_str());
  STRCMP_EQUAL("", NetworkOf("").c_str());
  STRCMP_EQUAL("unix:", NetworkOf("unix:").c_str());
}

}  // namespace stateward
