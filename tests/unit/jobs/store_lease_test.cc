#include "jobs/store_lease.h"

#include <CppUTest/TestHarness.h>

#include <string>

#include "doubles/mem_storage.h"

namespace stateward {

TEST_GROUP(StoreLease) {
  MemStorage store;
  StoreLease one, two;
  int64_t now_us = 0;

  void setup() override {
    CHECK(store.WriteIdentity(StoreIdentity(), nullptr).ok());
    one.Begin(std::string(32, '1'));
    two.Begin(std::string(32, '2'));
  }
  // A look of each, kLookMs after the last.
  bool Holds(StoreLease & lease) {
    bool held = false;
    CHECK(lease.Look(store, now_us, &held).ok());
    return held;
  }
  void Pass() { now_us += StoreLease::kLookMs * 1000; }
};

TEST(StoreLease, OneOfTwoHoldsIt) {
  CHECK(Holds(one));
  for (int i = 0; i < 20; ++i) {
    Pass();
    CHECK_FALSE(Holds(two));
    CHECK(Holds(one));
  }
}

// In whichever order they look, and however the asking falls.
TEST(StoreLease, AHolderThatIsGoneIsFollowedWithinTenSeconds) {
  for (int steps : {1, 2, 3, 301, 302, 303}) {
    CHECK(Holds(one));
    for (int i = 0; i < steps; ++i) {
      Pass();
      CHECK(Holds(one));
      CHECK_FALSE(Holds(two));
    }
    int looks = 0;
    do {
      Pass();
      ++looks;
    } while (!Holds(two) && looks < 100);
    // One more: it may have ended right after a step that was not seen yet.
    CHECK((looks + 1) * StoreLease::kLookMs <= 10000);
    CHECK_FALSE(Holds(one));  // it comes back
    two.GiveUp(store);
    one.Begin(std::string(32, '1'));
  }
}

TEST(StoreLease, AHolderThatIsLateOnceKeepsIt) {
  CHECK(Holds(one));
  CHECK_FALSE(Holds(two));
  for (int i = 0; i < 10; ++i) {
    Pass();
    CHECK(Holds(one));
    CHECK_FALSE(Holds(two));
    Pass();
    CHECK_FALSE(Holds(two));
    Pass();
    CHECK_FALSE(Holds(two));
  }
}

TEST(StoreLease, GivenUpItIsTakenAtTheNextLook) {
  CHECK(Holds(one));
  CHECK_FALSE(Holds(two));
  one.GiveUp(store);
  CHECK(Holds(two));
  CHECK_FALSE(Holds(one));
}

TEST(StoreLease, AnotherProcessOfTheHostGoesOnAtOnce) {
  CHECK(Holds(one));
  CHECK_FALSE(Holds(two));
  StoreLease successor;
  successor.Begin(std::string(32, '1'));
  CHECK(Holds(successor));
  CHECK_FALSE(Holds(two));
  // The one before was only paused: the lease is not its own any more.
  CHECK_FALSE(Holds(one));
}

TEST(StoreLease, WhileNobodyWaitsNothingIsWritten) {
  for (int i = 0; i < 250; ++i, Pass()) CHECK(Holds(one));
  LONGS_EQUAL(1, store.lease_writes);
}

TEST(StoreLease, AnOutageEndsNothing) {
  CHECK(Holds(one));
  store.down = true;
  bool held = false;
  for (int i = 0; i < 5; ++i, Pass()) {
    CHECK(one.Look(store, now_us, &held).code() == Code::kUnavailable);
    CHECK(held);
    CHECK(two.Look(store, now_us, &held).code() == Code::kUnavailable);
    CHECK_FALSE(held);
  }
  store.down = false;
  CHECK(Holds(one));
  CHECK_FALSE(Holds(two));
}

TEST(StoreLease, WhatCannotBeReadIsReplacedLater) {
  CHECK(*store.ExchangeLease("jobs", {}, std::string("nonsense")));
  CHECK_FALSE(Holds(one));
  for (int i = 0; i < StoreLease::kLooksWithoutProgress - 1; ++i) CHECK_FALSE(Holds(one));
  CHECK(Holds(one));
}

TEST(StoreLease, TheTextComesBack) {
  const StoreLease::Text text{std::string(32, 'a'), 17, true};
  const Bytes bytes = StoreLease::Format(text);
  STRCMP_EQUAL(("stateward lease 1 " + text.holder + " 17 1\n").c_str(),
               std::string(ByteView(bytes).AsString()).c_str());
  const std::optional<StoreLease::Text> back = StoreLease::Parse(bytes);
  CHECK(back && back->holder == text.holder && back->step == 17 && back->waits);
  CHECK(StoreLease::Parse(StoreLease::Format({"", 1, false}))->holder.empty());
  for (const char* bad :
       {"", "stateward lease 1 ", "stateward lease 2 - 1 0\n", "stateward lease 1 x 1 0\n",
        "stateward lease 1 - 1\n", "stateward lease 1 - 1 2\n", "stateward lease 1 - -1 0\n"}) {
    CHECK_FALSE(StoreLease::Parse(std::string(bad)));
  }
}

}  // namespace stateward
