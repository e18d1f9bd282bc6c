#include "auth/throttle.h"

#include <CppUTest/TestHarness.h>

#include <string>

#include "doubles/fake_clock.h"

namespace stateward {

TEST_GROUP(Throttle) {
  FakeClock clock;
  Throttle throttle{clock};

  std::string Address(int i) {
    return "10.1." + std::to_string(i / 256) + "." + std::to_string(i % 256);
  }
  void Fail(const std::string& address, const std::string& user, int times) {
    for (int i = 0; i < times; ++i) throttle.CountFailure(address, user);
  }
  // Tries that are let through; each fails.
  int Guess(const std::string& address, const std::string& user, int times) {
    int tried = 0;
    for (int i = 0; i < times; ++i) {
      if (throttle.MustWaitForUser(address, user)) continue;
      throttle.CountFailure(address, user);
      ++tried;
    }
    return tried;
  }
  bool WaitsForSecret(const std::string& address, const std::string& tenant) {
    if (throttle.MustWait(address, tenant)) return true;
    throttle.CountUnknown(address, tenant);
    return false;
  }
};

TEST(Throttle, WhoSucceededThereIsSparedTheNetworksGuessers) {
  throttle.CountSuccess("1.2.3.4", "alice");
  for (int i = 0; i < 230; ++i) {
    std::string name = "name" + std::to_string(i);
    if (!throttle.MustWaitForUser("1.2.3.4", name)) throttle.CountFailure("1.2.3.4", name);
  }
  CHECK(throttle.MustWaitForUser("1.2.3.4", "bob"));
  CHECK_FALSE(throttle.MustWaitForUser("1.2.3.4", "alice"));
  CHECK_FALSE(throttle.MustWaitForUser("5.6.7.8", "bob"));
  // Not for ever, and not for guesses in the same name.
  LONGS_EQUAL(Throttle::kTries, Guess("1.2.3.4", "alice", 100));
  clock.Advance(Throttle::kSpareUs / 1000 + 1);
  for (int i = 0; i < Throttle::kTriesOfNetwork; ++i) Guess("1.2.3.4", std::to_string(i), 1);
  CHECK(throttle.MustWaitForUser("1.2.3.4", "alice"));
}

// 40 addresses, one guess of one user each.
TEST(Throttle, AUserIsSlowedDownOverAllNetworks) {
  int tried = 0;
  for (int i = 0; i < 40; ++i) tried += Guess(Address(i), "alice", 1);
  LONGS_EQUAL(Throttle::kTriesOfUser, tried);
  // One a second, for all together.
  for (int second = 1; second <= 5; ++second) {
    clock.Advance(1000);
    int more = 0;
    for (int i = 0; i < 10; ++i) more += Guess(Address(1000 * second + i), "alice", 1);
    LONGS_EQUAL(1, more);
  }
  // Where alice works each day she notices nothing of it, nor do others.
  throttle.CountSuccess("7.7.7.7", "alice");
  CHECK_FALSE(throttle.MustWaitForUser("7.7.7.7", "alice"));
  CHECK_FALSE(throttle.MustWaitForUser(Address(1), "bob"));
}

// Networks that have failed leave the next try to one that has not.
TEST(Throttle, ANewNetworkComesFirst) {
  for (int i = 0; i < Throttle::kTriesOfUser; ++i) Guess(Address(i), "alice", 1);
  clock.Advance(1001);
  for (int i = 0; i < Throttle::kTriesOfUser; ++i) LONGS_EQUAL(0, Guess(Address(i), "alice", 5));
  CHECK_FALSE(throttle.MustWaitForUser("7.7.7.7", "alice"));
}

TEST(Throttle, AnIpv6PrefixIsOneNetwork) {
  int tried = 0;
  for (int i = 0; i < 200; ++i) tried += Guess("2001:db8:0:1::" + std::to_string(i), "alice", 1);
  LONGS_EQUAL(Throttle::kTries, tried);
  LONGS_EQUAL(1, Guess("2001:db8:0:2::1", "alice", 1));
  LONGS_EQUAL(0, Guess("2001:0db8:0000:0001:ffff::1", "alice", 1));
}

TEST(Throttle, DifferentUnknownSecretsAreCountedPerNetwork) {
  throttle.CountKnown("1.2.3.4", "known");
  int looked = 0;
  for (int i = 0; i < 300; ++i) {
    if (!WaitsForSecret("1.2.3.4", "guess" + std::to_string(i))) ++looked;
  }
  LONGS_EQUAL(Throttle::kTriesOfNetwork, looked);
  CHECK_FALSE(throttle.MustWait("1.2.3.4", "known"));
  CHECK(throttle.MustWait("1.2.3.4", "known elsewhere"));
  CHECK_FALSE(throttle.MustWait("5.6.7.8", "another"));
  clock.Advance(10001);
  CHECK_FALSE(WaitsForSecret("1.2.3.4", "next"));
  CHECK(WaitsForSecret("1.2.3.4", "next but one"));
}

TEST(Throttle, TheSameSecretAgainIsNoOtherGuess) {
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(WaitsForSecret("1.2.3.4", "mistyped"));
}

TEST(Throttle, ANewSecretThatIsWrittenToIsNoGuess) {
  for (int i = 0; i < 1000; ++i) {
    std::string tenant = "project" + std::to_string(i);
    CHECK_FALSE(WaitsForSecret("1.2.3.4", tenant));
    throttle.CountKnown("1.2.3.4", tenant);
  }
}

// Else what is spared would tell guessers in the same network, at full speed, which secret is
// right.
TEST(Throttle, WhatIsSparedIsNoOracle) {
  throttle.CountKnown("1.2.3.4", "known");
  for (int i = 0; i < 10000; ++i) WaitsForSecret("1.2.3.4", "guess" + std::to_string(i));
  CHECK(throttle.MustWait("1.2.3.4", "known"));
  clock.Advance(21);
  CHECK_FALSE(throttle.MustWait("1.2.3.4", "known"));
}

TEST(Throttle, LooksAtWhatIsRememberedAreCounted) {
  for (int i = 0; i < 1000; ++i) CHECK(throttle.MayLook("1.2.3.4", "alice"));
  Fail("1.2.3.4", "alice", Throttle::kTries);
  for (int i = 0; i < Throttle::kLooks; ++i) CHECK(throttle.MayLook("1.2.3.4", "alice"));
  CHECK_FALSE(throttle.MayLook("1.2.3.4", "alice"));
  clock.Advance(1001);
  CHECK(throttle.MayLook("1.2.3.4", "alice"));
  CHECK_FALSE(throttle.MayLook("1.2.3.4", "alice"));
}

// The table is bounded: names without end do not fill the memory.
TEST(Throttle, TheOldestAreForgottenFirst) {
  Fail("9.9.9.9", "victim", Throttle::kTries + 5);
  for (size_t i = 0; i < 2 * Throttle::kMaxEntries; ++i) {
    throttle.CountFailure("10.0.0." + std::to_string(i), "x");
  }
  CHECK(throttle.MustWaitForUser("9.9.9.9", "victim"));
}

}  // namespace stateward
