#include "auth/logins.h"

#include <CppUTest/TestHarness.h>

#include <string>
#include <thread>
#include <vector>

#include "auth/password.h"
#include "base/sha256.h"
#include "doubles/fake_clock.h"

namespace stateward {
namespace {

// "correct horse", bcrypt of the lowest cost: quick.
constexpr char kHash[] = "$2b$04$KBCwKxOzLha2MUDgW0PjXexGfB5dmDvvvgEVjeeXiTo87i0yXWYau";
// "other", the same.
constexpr char kOther[] = "$2b$04$abcdefghijklmnopqrstuu0HtfOlPbTiymk5tcV.3TsFPDd3SYZqu";

}  // namespace

TEST_GROUP(Logins) {
  FakeClock clock;
  Policy policy;
  Throttle throttle{clock};
  Logins logins{clock, throttle, 8};

  void setup() override {
    policy.users.push_back({"alice", kHash});
    policy.users.push_back({"bob", kOther});
  }
  Code Try(const char* user, const char* password, const char* address = "1.2.3.4") {
    return logins.CheckPassword(policy, user, SecretString(password), address).code();
  }
};

TEST(Logins, APasswordIsChecked) {
  CHECK(Try("alice", "correct horse") == Code::kOk);
  CHECK(Try("bob", "other") == Code::kOk);
  CHECK(Try("alice", "other") == Code::kUnauthenticated);
  CHECK(Try("alice", "") == Code::kUnauthenticated);
  CHECK(Try("", "correct horse") == Code::kUnauthenticated);
  CHECK(Try("Alice", "correct horse") == Code::kUnauthenticated);
  CHECK(Try("alice", std::string(73, 'x').c_str()) == Code::kUnauthenticated);
}

TEST(Logins, ANulByteIsNoPassword) {
  SecretString password(std::string_view("correct horse\0", 14));
  CHECK(logins.CheckPassword(policy, "alice", password, "").code() == Code::kUnauthenticated);
}

// Else the time would tell which names exist.
TEST(Logins, AnUnknownUserCostsOneHashCallToo) {
  for (const char* user : {"alice", "bob", "mallory", "nobody", "", "alice2"}) {
    int64_t before = logins.hash_calls();
    CHECK(Try(user, "wrong") == Code::kUnauthenticated);
    LONGS_EQUAL(1, logins.hash_calls() - before);
  }
  int64_t before = logins.hash_calls();
  Try("alice", std::string(200, 'x').c_str());
  Try("alice", "");
  LONGS_EQUAL(2, logins.hash_calls() - before);
}

TEST(Logins, ACheckedPasswordIsRememberedForAMinute) {
  Try("alice", "correct horse");
  for (int i = 0; i < 100; ++i) CHECK(Try("alice", "correct horse") == Code::kOk);
  LONGS_EQUAL(1, logins.hash_calls());
  clock.Advance(60001);
  CHECK(Try("alice", "correct horse") == Code::kOk);
  LONGS_EQUAL(2, logins.hash_calls());
}

TEST(Logins, AChangedPasswordIsNotRemembered) {
  Try("alice", "correct horse");
  policy.users[0].hash = kOther;
  CHECK(Try("alice", "correct horse") == Code::kUnauthenticated);
  policy.users.erase(policy.users.begin());
  CHECK(Try("alice", "correct horse") == Code::kUnauthenticated);
}

TEST(Logins, GuessingIsSlowedDown) {
  for (int i = 0; i < Throttle::kTries; ++i) CHECK(Try("alice", "guess") == Code::kUnauthenticated);
  int64_t before = logins.hash_calls();
  CHECK(Try("alice", "guess") == Code::kTooManyRequests);
  CHECK(Try("alice", "correct horse") == Code::kTooManyRequests);
  LONGS_EQUAL(before, logins.hash_calls());
  // Others, and the same user elsewhere, are not held up.
  CHECK(Try("bob", "other") == Code::kOk);
  CHECK(Try("alice", "correct horse", "5.6.7.8") == Code::kOk);
  clock.Advance(10001);
  CHECK(Try("alice", "guess") == Code::kUnauthenticated);
  CHECK(Try("alice", "guess") == Code::kTooManyRequests);
}

// While somebody guesses in the same name, a run's requests find what is remembered; but so many
// looks a second are a guesser's, and find nothing.
TEST(Logins, WhatIsRememberedIsNoOracle) {
  CHECK(Try("alice", "correct horse") == Code::kOk);
  for (int i = 0; i < 1000; ++i) Try("alice", ("guess" + std::to_string(i)).c_str());
  CHECK(Try("alice", "correct horse") == Code::kTooManyRequests);
  clock.Advance(1001);
  CHECK(Try("alice", "correct horse") == Code::kOk);
}

// A guesser at work must not lock out a client that was let in just now.
TEST(Logins, WhoIsRememberedIsLetInAllTheSame) {
  CHECK(Try("alice", "correct horse") == Code::kOk);
  for (int i = 0; i < 2 * Throttle::kTries; ++i) Try("alice", "guess");
  CHECK(Try("alice", "correct horse") == Code::kOk);
}

TEST(Logins, GuessingOfNamesIsSlowedDown) {
  for (int i = 0; i < Throttle::kTriesOfNetwork; ++i) {
    CHECK(Try(("name" + std::to_string(i)).c_str(), "guess") == Code::kUnauthenticated);
  }
  CHECK(Try("yet another", "guess") == Code::kTooManyRequests);
  CHECK(Try("yet another", "guess", "5.6.7.8") == Code::kUnauthenticated);
}

TEST(Logins, TsanManyAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this, i] {
      for (int n = 0; n < 5; ++n)
        Try(i % 2 == 0 ? "alice" : "bob", i % 2 == 0 ? "correct horse" : "no");
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(Try("alice", "correct horse") == Code::kOk);
}

TEST(Logins, MachineTokens) {
  std::string text = NewMachineToken();
  CHECK(LooksLikeMachineToken(text));
  CHECK(text != NewMachineToken());
  policy.tokens.push_back({"ci", Sha256(text), 0});
  policy.tokens.push_back({"old", Sha256(std::string("swt_old")), 1000});
  CHECK(Logins::FindToken(policy, SecretString(text)) == &policy.tokens[0]);
  CHECK(Logins::FindToken(policy, SecretString(text + "0")) == nullptr);
  CHECK(Logins::FindToken(policy, SecretString(text.substr(1))) == nullptr);
  CHECK(Logins::FindToken(policy, SecretString("swt_old")) == &policy.tokens[1]);
  text.back() = text.back() == '0' ? '1' : '0';
  CHECK(Logins::FindToken(policy, SecretString(text)) == nullptr);
}

TEST(Logins, NewHashesAreOnesThatThePolicyTakes) {
  Result<std::string> hash = HashPassword(SecretString("correct horse"));
  CHECK(hash.ok());
  CHECK(IsPasswordHash(*hash));
  CHECK(*VerifyPassword(SecretString("correct horse"), *hash));
  CHECK_FALSE(*VerifyPassword(SecretString("correct horsf"), *hash));
  CHECK_FALSE(HashPassword(SecretString("")).ok());
  CHECK_FALSE(HashPassword(SecretString(std::string(73, 'x'))).ok());
}

}  // namespace stateward
