// The Redis lock on a real server, which is shared: each fixture has a key prefix of its own.
#include "lock/redis_lock.h"

#include <CppUTest/TestHarness.h>

#include <memory>
#include <string>
#include <vector>

#include "base/base64.h"
#include "base/hex.h"
#include "base/random.h"
#include "base/sha256.h"
#include "conformance/locker_cases.h"
#include "service/redis_box.h"

namespace stateward {
namespace {

using locker_cases::Base7;
using locker_cases::Fresh;
using locker_cases::Holder;
using locker_cases::Id;
using locker_cases::Must;
using locker_cases::MustBe;
using locker_cases::Take;
using locker_cases::Want;

// Locks and says whether it was told to burn.
bool LockBurns(Locker& l, const std::string& lock_id) {
  bool said = false;
  MustBe<Granted>(l.Acquire(Id(), Want(lock_id), [&](const BaseAsk& ask) -> Result<uint64_t> {
    said = ask.burn;
    return uint64_t{7};
  }));
  return said;
}

}  // namespace

TEST_GROUP(RedisLockConforms) { RedisFixture fixture; };
LOCKER_CONFORMS(RedisLockConforms)
LOCKER_CONFORMS_TWO_STEPS(RedisLockConforms)
TEST(RedisLockConforms, ForceWorksAgainAfterAWhile) {
  locker_cases::ForceWorksAgainAfterAWhile(fixture);
}
TEST(RedisLockConforms, AClockThatWasSetBackForcesNoMore) {
  locker_cases::AClockThatWasSetBackForcesNoMore(fixture);
}
TEST(RedisLockConforms, AClockThatWasSetBackForgetsNothing) {
  locker_cases::AClockThatWasSetBackForgetsNothing(fixture);
}
TEST(RedisLockConforms, ReleasedIdIsForgottenAfterADay) {
  locker_cases::ReleasedIdIsForgottenAfterADay(fixture);
}

TEST_GROUP(RedisLock) { RedisFixture fixture; };

TEST(RedisLock, WhatIsRememberedEnds) {
  std::shared_ptr<Locker> l = Fresh(fixture);
  LockRecord want = Want("a");
  want.token_sha256 = std::string(64, '5');
  Take(*l, want);
  MustBe<Released>(l->Release(Id(), {"", "bob", false}));
  fixture.Advance(kForceRepeatMs);
  Take(*l, Want("b"));
  MustBe<Released>(l->Release(Id(), {"", "bob", false}));
  fixture.Advance(kReleasedIdsKeptMs - kForceRepeatMs - 60000);
  MustBe<WasReleased>(l->Acquire(Id(), want, Base7));
  CHECK(Must(l->TokenReleased(Id(), want.token_sha256)));
  fixture.Advance(120000);
  CHECK_FALSE(Must(l->TokenReleased(Id(), want.token_sha256)));
  Take(*l, want);
}

TEST(RedisLock, AWriterThatIsGoneHoldsNothingBack) {
  locker_cases::AWriterThatIsGoneHoldsNothingBack(fixture);
}

TEST(RedisLock, OnlyTheNewestReleasedIdsAreKept) {
  std::shared_ptr<Locker> l = Fresh(fixture);
  for (size_t i = 0; i < kReleasedIdsKept + 5; ++i) {
    Take(*l, Want(std::to_string(i)));
    MustBe<Released>(l->Release(Id(), {std::to_string(i), "alice", false}));
  }
  LONGS_EQUAL(kReleasedIdsKept, Raw()({"ZCARD", fixture.Key("released")}).integer);
}

// Many releases fall into one millisecond.
TEST(RedisLock, ReleasedIdsAreKeptInTheirOrder) {
  std::shared_ptr<Locker> l = Fresh(fixture);
  for (const char* id : {"a", "b", "c"}) {
    Take(*l, Want(id));
    MustBe<Released>(l->Release(Id(), {id, "alice", false}));
    Raw raw;
    RedisReply newest = raw({"ZREVRANGE", fixture.Key("released"), "0", "0", "WITHSCORES"});
    // The next release comes in the millisecond of this one, or before it.
    raw({"ZADD", fixture.Key("released"), std::to_string(INT64_C(4000000000000)),
         newest.items.at(0).text});
  }
  RedisReply all = Raw()({"ZRANGE", fixture.Key("released"), "0", "-1", "WITHSCORES"});
  LONGS_EQUAL(6, all.items.size());
  Take(*l, Want("d"));
  MustBe<Released>(l->Release(Id(), {"d", "alice", false}));
  RedisReply last = Raw()({"ZREVRANGE", fixture.Key("released"), "0", "0", "WITHSCORES"});
  STRCMP_EQUAL(HexEncode(Sha256(std::string("d"))).c_str(), last.items.at(0).text.c_str());
  STRCMP_EQUAL("4000000000001", last.items.at(1).text.c_str());
}

// It was forgotten and is held by another now: its old holder is told so.
TEST(RedisLock, AfterALossTheOldHoldersReleaseMeetsTheNewOne) {
  std::shared_ptr<Locker> l = Fresh(fixture);
  Take(*l, Want("a"));
  fixture.Flush();
  MustBe<NotHeld>(l->Release(Id(), {"a", "alice", false}));
  Take(*l, Want("b", "bob"));
  STRCMP_EQUAL("b", MustBe<HeldBy>(l->Release(Id(), {"a", "alice", false})).holder.id.c_str());
  STRCMP_EQUAL("b", Holder(*l).c_str());
}

// What a newer build wrote and this one does not understand is no free lock.
TEST(RedisLock, AFlagOfANewerBuildIsAnOutage) {
  std::shared_ptr<Locker> l = Fresh(fixture);
  Raw()({"HSET", fixture.Key("lock"), "flags", "1"});
  locker_cases::IsUnavailable(l->Acquire(Id(), Want("a"), Base7));
  locker_cases::IsUnavailable(l->Release(Id(), {"a", "alice", false}));
  locker_cases::IsUnavailable(l->Release(Id(), {"", "alice", false}));
  locker_cases::IsUnavailable(l->Look(Id()));
  Raw()({"HSET", fixture.Key("lock"), "flags", "0"});
  Take(*l, Want("a"));
}

TEST(RedisLock, ForgottenServiceIsReestablishedByWhoKnewIt) {
  std::shared_ptr<Locker> l = Fresh(fixture);
  std::shared_ptr<Locker> other = fixture.Open();
  const std::string id = Must(l->ServiceId());
  Must(other->ServiceId());
  CHECK_FALSE(LockBurns(*l, "a"));
  fixture.Flush();
  // Whoever starts now cannot know it, and grants nothing.
  CHECK(fixture.Open()->ServiceId().status().code() == Code::kNotFound);
  locker_cases::IsUnavailable(fixture.Open()->Acquire(Id(), Want("x"), Base7));
  MustBe<NotHeld>(l->Release(Id(), {"a", "alice", false}));
  STRCMP_EQUAL(id.c_str(), Must(fixture.Open()->ServiceId()).c_str());
  CHECK(LockBurns(*other, "b"));
  STRCMP_EQUAL("b", Holder(*l).c_str());
  MustBe<Released>(l->Release(Id(), {"b", "alice", false}));
  CHECK_FALSE(LockBurns(*l, "c"));  // once for each state
}

TEST(RedisLock, AllThatNoticeTheLossAtOnceAgree) {
  std::vector<std::shared_ptr<Locker>> lockers;
  Must(fixture.Open()->InitService(false));
  for (int i = 0; i < 8; ++i) {
    lockers.push_back(fixture.Open());
    Must(lockers.back()->ServiceId());
  }
  fixture.Flush();
  std::atomic<int> granted{0};
  std::atomic<int> burns{0};
  locker_cases::InThreads(lockers.size(), [&](size_t t) {
    auto base = [&](const BaseAsk& ask) -> Result<uint64_t> {
      burns += ask.burn ? 1 : 0;
      return uint64_t{7};
    };
    auto outcome = lockers[t]->Acquire(Id(), Want(std::to_string(t)), base);
    if (outcome.ok() && std::holds_alternative<Granted>(*outcome)) ++granted;
  });
  LONGS_EQUAL(1, granted.load());
  LONGS_EQUAL(1, burns.load());
}

TEST(RedisLock, AnotherServiceInThePlaceIsRefused) {
  std::shared_ptr<Locker> l = Fresh(fixture);
  Take(*l, Want("a"));
  fixture.Flush();
  Must(fixture.Open()->InitService(false));
  locker_cases::IsUnavailable(l->Acquire(Id(), Want("b"), Base7));
  locker_cases::IsUnavailable(l->Look(Id()));
  CHECK_FALSE(l->Check().ok());
}

// Between the look that found nothing and the renewal, another service may be made there.
TEST(RedisLock, RenewalSparesAnotherService) {
  const std::string id = Must(fixture.Open()->InitService(false));
  const std::string service = fixture.prefix + "service";
  const std::string text = RedisServiceScripts().renew.text();
  RedisReply reply = Raw()({"EVAL", text, "1", service, "run", std::string(32, 'f'), "epoch"});
  STRCMP_EQUAL("other", reply.items.at(0).text.c_str());
  STRCMP_EQUAL(id.c_str(), Raw()({"HGET", service, "id"}).text.c_str());
}

TEST(RedisLock, AnotherServerProcessIsANewEpoch) {
  std::shared_ptr<Locker> l = Fresh(fixture);
  Take(*l, Want("a"));
  Raw()({"HSET", fixture.prefix + "service", "run", std::string(40, '0')});
  STRCMP_EQUAL("a", Holder(*l).c_str());  // what it remembers is respected
  MustBe<Released>(l->Release(Id(), {"a", "alice", false}));
  CHECK(LockBurns(*l, "b"));
}

TEST(RedisLock, InitThatMayHaveForgottenBurns) {
  std::shared_ptr<Locker> l = Fresh(fixture);
  CHECK_FALSE(LockBurns(*l, "a"));
  MustBe<Released>(l->Release(Id(), {"a", "alice", false}));
  Must(l->InitService(true));
  CHECK(LockBurns(*l, "b"));
}

// A write of the session before ends with an unknown outcome while the next one begins.
TEST(RedisLock, ANoteToTakeANumberAwayThatComesWhileTheBaseIsRead) {
  std::shared_ptr<Locker> l = Fresh(fixture);
  CHECK_FALSE(LockBurns(*l, "a"));
  MustBe<Released>(l->Release(Id(), {"a", "alice", false}));
  for (bool shared : {false, true}) {
    LockRecord want = Want(shared ? "plan" : "b");
    want.shared = shared;
    std::vector<bool> burns;
    const auto base = [&](const BaseAsk& ask) -> Result<uint64_t> {
      if (burns.empty()) CHECK(fixture.Open()->BurnNext(Id()).ok());
      burns.push_back(ask.burn);
      return uint64_t{7};
    };
    MustBe<Granted>(l->Acquire(Id(), want, base));
    CHECK(burns == (std::vector<bool>{false, true}));
    MustBe<Released>(l->Release(Id(), {want.id, "alice", false}));
  }
}

// The lock is lost, and taken by another, while its base is being read.
TEST(RedisLock, LossWhileTheBaseIsRead) {
  std::shared_ptr<Locker> l = Fresh(fixture);
  std::shared_ptr<Locker> other = fixture.Open();
  Must(other->ServiceId());
  auto base = [&](const BaseAsk&) -> Result<uint64_t> {
    fixture.Flush();
    CHECK(LockBurns(*other, "b"));
    return uint64_t{3};
  };
  STRCMP_EQUAL("b", MustBe<HeldBy>(l->Acquire(Id(), Want("a"), base)).holder.id.c_str());
}

TEST(RedisLock, EpochThatBeginsWhileTheBaseIsRead) {
  std::shared_ptr<Locker> l = Fresh(fixture);
  std::shared_ptr<Locker> other = fixture.Open();
  std::string burns;
  auto base = [&](const BaseAsk& ask) -> Result<uint64_t> {
    burns += ask.burn ? "burn," : "no,";
    if (burns == "no,") {
      Raw()({"HSET", fixture.prefix + "service", "run", std::string(40, '0')});
      CHECK(other->Check().ok());  // enters the epoch
    }
    return uint64_t{7};
  };
  MustBe<Granted>(l->Acquire(Id(), Want("a"), base));
  STRCMP_EQUAL("no,burn,", burns.c_str());
}

TEST(RedisLock, LockWithoutABaseServesNobody) {
  std::shared_ptr<Locker> l = Fresh(fixture);
  Raw raw;
  // As a worker leaves it that is killed between the two steps.
  Take(*l, Want("a"));
  raw({"HSET", fixture.Key("lock"), "base", ""});
  locker_cases::IsUnavailable(l->Look(Id()));
  MustBe<HeldBy>(l->Acquire(Id(), Want("b"), Base7));
  CHECK_FALSE(MustBe<Granted>(l->Acquire(Id(), Want("a"), Base7)).repeated);
  STRCMP_EQUAL("a", Holder(*l).c_str());
}

TEST(RedisLock, FailedBaseLeavesNoLock) {
  std::shared_ptr<Locker> l = Fresh(fixture);
  auto fails = [](const BaseAsk&) { return Result<uint64_t>(Status::Unavailable("no head")); };
  locker_cases::IsUnavailable(l->Acquire(Id(), Want("a"), fails));
  LONGS_EQUAL(0, Must(l->CountHeld()).all());
  Take(*l, Want("b"));
}

TEST_GROUP(RedisLegacyLock) {
  RedisFixture fixture;
  std::shared_ptr<Locker> l;
  std::string legacy_id;
  std::string info = R"({"ID":"old","Operation":"OperationTypeApply","Who":"alice@laptop"})";

  void setup() override {
    l = Fresh(fixture);
    legacy_id = RandomHex(32);
    Put(Base64Encode(info));
  }
  void teardown() override { Raw()({"DEL", legacy_id}); }
  void Put(const std::string& value) { Raw()({"SET", legacy_id, value, "PX", "600000"}); }
  bool IsThere() { return Raw()({"EXISTS", legacy_id}).integer == 1; }
  LockKey Key() { return {Id(), {legacy_id}}; }
};

TEST(RedisLegacyLock, IsShownAndRespected) {
  for (int i = 0; i < 2; ++i) {
    LockRecord holder = MustBe<HeldBy>(l->Acquire(Key(), Want("new"), Base7)).holder;
    STRCMP_EQUAL("old", holder.id.c_str());
    STRCMP_EQUAL(info.c_str(), holder.info.c_str());
    STRCMP_EQUAL("", holder.principal.c_str());
    STRCMP_EQUAL("OperationTypeApply", holder.operation.c_str());
  }
  LockView view = Must(l->Look(Key()));
  CHECK(view.holder.has_value());
  LONGS_EQUAL(0, view.holder->base);
  MustBe<HeldBy>(l->Release(Key(), {"new", "alice", false}));
  CHECK(IsThere());
  CHECK(Must(l->CountLegacy()) >= 1);  // of whatever states: others may have some here
  CHECK(MustBe<Granted>(l->Acquire(Key(), Want("old"), Base7)).repeated);
  Take(*l, Want("new"));  // without the original's ids nothing of it is seen
}

// Somebody else's sessions, digests and caches have keys of 64 hex digits, too.
TEST(RedisLegacyLock, AnotherKindOfKeyIsNoLock) {
  const uint64_t with_lock = Must(l->CountLegacy());
  const std::string hash = RandomHex(32);
  Raw()({"HSET", hash, "user", "ann"});
  Put(Base64Encode(std::string("{\"user\":\"ann\"}")));
  LONGS_EQUAL(with_lock - 1, Must(l->CountLegacy()));
  Put("no base64 at all");
  LONGS_EQUAL(with_lock - 1, Must(l->CountLegacy()));
  Raw()({"DEL", hash});
}

TEST(RedisLegacyLock, EndsWithItsId) {
  MustBe<Released>(l->Release(Key(), {"old", "alice", false}));
  CHECK_FALSE(IsThere());
  MustBe<WasReleased>(l->Release(Key(), {"old", "alice", false}));
  MustBe<WasReleased>(l->Acquire(Key(), Want("old"), Base7));
  CHECK_FALSE(LockBurns(*l, "new"));
}

TEST(RedisLegacyLock, EndsByForce) {
  MustBe<Released>(l->Release(Key(), {"", "bob", false}));
  CHECK_FALSE(IsThere());
  CHECK(LockBurns(*l, "new"));
  MustBe<HeldBy>(l->Release(Key(), {"", "bob", false}));  // it may be the repeat
}

TEST(RedisLegacyLock, EndsByForceWithItsId) {
  MustBe<HeldBy>(l->Release(Key(), locker_cases::Forced("another")));
  CHECK(IsThere());
  MustBe<Released>(l->Release(Key(), locker_cases::Forced("old", "bob")));
  CHECK_FALSE(IsThere());
  MustBe<WasReleased>(l->Release(Key(), locker_cases::Forced("old", "bob")));
  CHECK(LockBurns(*l, "new"));
}

TEST(RedisLegacyLock, ThatCannotBeReadIsHeldUntilForced) {
  for (const char* value : {"", "not base64!", "e30=", "WzFd"}) {  // "{}", "[1]"
    Put(value);
    locker_cases::IsUnavailable(l->Acquire(Key(), Want("new"), Base7));
    locker_cases::IsUnavailable(l->Look(Key()));
    locker_cases::IsUnavailable(l->Release(Key(), {"new", "alice", false}));
    CHECK(IsThere());
  }
  MustBe<Released>(l->Release(Key(), {"", "bob", false}));
  CHECK_FALSE(IsThere());
}

}  // namespace stateward
