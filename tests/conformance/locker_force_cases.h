// Cases of locker_cases.h: forced releases and their repeats.
#ifndef STATEWARD_TESTS_CONFORMANCE_LOCKER_FORCE_CASES_H_
#define STATEWARD_TESTS_CONFORMANCE_LOCKER_FORCE_CASES_H_

#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "conformance/locker_fixture.h"
#include "conformance/locker_session_cases.h"

namespace stateward {
namespace locker_cases {

// A forced release by `who` may be the repeat of one: it is refused, with the holder and the time.
inline void IsTooSoon(Locker& l, const std::string& who, const std::string& holder) {
  HeldBy held = MustBe<HeldBy>(l.Release(Id(), {"", who, false}));
  STRCMP_EQUAL(holder.c_str(), held.holder.id.c_str());
  // The forced release came before this lock, and at most a minute before it here. S3 tells whole
  // seconds, cut off: what came later may have the smaller time.
  CHECK(held.freed_from_ms <= held.holder.time_ms + kForceRepeatMs + 1000);
  CHECK(held.freed_from_ms > held.holder.time_ms + kForceRepeatMs - 60000);
  STRCMP_EQUAL(holder.c_str(), Holder(l).c_str());
}

inline void RepeatOfAForcedReleaseFreesNothing(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  Take(*l, Want("a"));
  MustBe<Released>(l->Release(Id(), {"", "bob", false}));
  MustBe<NotHeld>(l->Release(Id(), {"", "bob", false}));
  Take(*l, Want("b"));
  IsTooSoon(*f.Open(), "bob", "b");
  Take(*l, Want("x"), IdOf("another state"));
  MustBe<Released>(l->Release(IdOf("another state"), {"", "bob", false}));
  // Another principal's own first one; and with the ID at once.
  MustBe<Released>(l->Release(Id(), {"", "carol", false}));
  Take(*l, Want("c"));
  IsTooSoon(*l, "carol", "c");
  MustBe<Released>(l->Release(Id(), {"c", "carol", true}));
  STRCMP_EQUAL("", Holder(*l).c_str());
}

// Of a client without the right to free anything: its ID was looked up for it.
inline void AnUnnamedReleaseIsAForcedOne(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  const auto unnamed = [](const std::string& id) {
    ReleaseRequest request{id, "alice", true};
    request.unnamed = true;
    return request;
  };
  Take(*l, Want("a"));
  MustBe<Released>(l->Release(Id(), unnamed("a")));
  MustBe<NotHeld>(l->Release(Id(), unnamed("-")));
  Take(*l, Want("b"));
  HeldBy held = MustBe<HeldBy>(l->Release(Id(), unnamed("b")));
  CHECK(held.freed_from_ms != 0);
  STRCMP_EQUAL("b", Holder(*l).c_str());
  Free(*l, "b");
}

inline void AdministratorsReleaseIsAForcedOne(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  Take(*l, Want("a"));
  SameRecord(Want("a"), 7, MustBe<Released>(l->Release(Id(), {"a", "admin", true})).record);
  Take(*l, Want("b"));
  IsTooSoon(*l, "admin", "b");
  MustBe<Released>(l->Release(Id(), {"", "carol", false}));
  // His own lock is released like anybody's.
  const StateId other = IdOf("another state");
  Take(*l, Want("c", "dora"), other);
  MustBe<Released>(l->Release(other, {"c", "dora", true}));
  Take(*l, Want("d"), other);
  MustBe<Released>(l->Release(other, {"", "dora", false}));
}

// Somebody else's forced release does not make room for the repeat of the one before it.
inline void AnothersForcedReleaseEndsNoRepeat(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  Take(*l, Want("a", "ci"));
  MustBe<Released>(l->Release(Id(), {"", "ci", false}));
  Take(*l, Want("b", "ci"));
  MustBe<Released>(l->Release(Id(), {"", "root", false}));
  MustBe<NotHeld>(l->Release(Id(), {"", "ci", false}));
  Take(*l, Want("c", "ci"));
  IsTooSoon(*f.Open(), "ci", "c");
  IsTooSoon(*l, "root", "c");
  // With its ID at once.
  MustBe<Released>(l->Release(Id(), {"c", "ci", false}));
}

// Of one's own lock, too. A release that is refused takes no number away, nor does a plain one.
inline void AForcedReleaseIsNotedWhereItIsGranted(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  CHECK_FALSE(LockSaysBurn(*l, "a"));
  SameRecord(Want("a"), 7, MustBe<Released>(l->Release(Id(), Forced("a"))).record);
  CHECK(LockSaysBurn(*l, "b"));
  for (const std::shared_ptr<Locker>& each : {l, f.Open()}) {
    MustBe<WasReleased>(each->Release(Id(), Forced("a")));
    MustBe<HeldBy>(each->Release(Id(), Forced("no lock")));
    MustBe<HeldBy>(each->Release(Id(), Forced("b", "bob")));
  }
  STRCMP_EQUAL("b", Holder(*l).c_str());
  Free(*l, "b");
  MustBe<WasReleased>(f.Open()->Release(Id(), Forced("b")));
  MustBe<NotHeld>(l->Release(Id(), Forced("no lock")));
  CHECK_FALSE(LockSaysBurn(*l, "c"));
  MustBe<Released>(l->Release(Id(), Forced("c", "admin", true)));
  CHECK(LockSaysBurn(*l, "d"));
}

// The repeat of one by its ID finds the ID: it makes an UNLOCK without one no repeat.
inline void AForcedReleaseOfOnesOwnIsNoTryThatComesAgain(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  Take(*l, Want("a"));
  MustBe<Released>(l->Release(Id(), Forced("a")));
  Take(*l, Want("b"));
  MustBe<Released>(f.Open()->Release(Id(), {"", "alice", false}));
}

// Whoever has the lock next was told of it, however soon he comes.
inline void NothingComesBetweenAForcedReleaseAndItsNote(LockerFixture& f) {
  const std::shared_ptr<Locker> instances[] = {Fresh(f), f.Open()};
  for (int i = 0; i < 6; ++i) {
    const std::string first = "a" + std::to_string(i);
    const std::string next = "b" + std::to_string(i);
    Take(*instances[0], Want(first));
    std::atomic<bool> asks{false};
    std::atomic<bool> told{false};
    std::atomic<bool> done{true};
    const auto base = [&](const BaseAsk& ask) -> Result<uint64_t> {
      told = ask.burn;
      return uint64_t{7};
    };
    InThreads(2, [&](size_t t) {
      if (t == 0) {
        while (!asks) usleep(1000);
        if (!IsReleased(AskAgain([&] { return instances[0]->Release(Id(), Forced(first)); }))) {
          done = false;
        }
        return;
      }
      Result<AcquireOutcome> outcome = AcquireOutcome(HeldBy{});
      while (outcome.ok() && std::holds_alternative<HeldBy>(*outcome)) {
        outcome = AskAgain([&] { return instances[1]->Acquire(Id(), Want(next), base); });
        asks = true;
      }
      if (!outcome.ok() || !std::holds_alternative<Granted>(*outcome)) done = false;
    });
    CHECK(done);
    CHECK(told);
    Free(*instances[0], next);
  }
}

// ---- Where taking a lock is two steps ----

// The lock is taken, and its LOCK not answered yet, when it is released by force.
inline void AHalfTakenLockIsForcedWithItsNote(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  std::shared_ptr<Locker> other = f.Open();
  // Not in the test's own thread everywhere.
  std::vector<Result<ReleaseOutcome>> said;
  const auto base = [&](const BaseAsk&) -> Result<uint64_t> {
    for (const ReleaseRequest& request :
         {Forced("b", "admin", true), Forced("a", "bob"), Forced("a")}) {
      said.push_back(other->Release(Id(), request));
    }
    return uint64_t{7};
  };
  IsUnavailable(l->Acquire(Id(), Want("a"), base));
  LONGS_EQUAL(3, said.size());
  MustBe<HeldBy>(said[0]);
  MustBe<HeldBy>(said[1]);
  CHECK(MustBe<Released>(said[2]).record.unconfirmed);
  // Its client asks again.
  MustBe<WasReleased>(l->Acquire(Id(), Want("a"), Base7));
  CHECK(LockSaysBurn(*l, "b"));
  Free(*l, "b");
  CHECK_FALSE(LockSaysBurn(*l, "c"));
}

// ---- With a clock ----

inline void ForceWorksAgainAfterAWhile(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  Take(*l, Want("a"));
  MustBe<Released>(l->Release(Id(), {"", "bob", false}));
  f.Advance(15000);
  Take(*l, Want("b"));
  f.Advance(kForceRepeatMs - 45000);
  HeldBy held = MustBe<HeldBy>(l->Release(Id(), {"", "bob", false}));
  const int64_t from = held.freed_from_ms - held.holder.time_ms - kForceRepeatMs;
  // The clock was turned by 15 s; where it is a real one, the calls may take some seconds, too.
  CHECK(from <= -15000 && from > -45000);
  f.Advance(30000);
  MustBe<Released>(l->Release(Id(), {"", "bob", false}));
}

inline void AClockThatWasSetBackForcesNoMore(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  Take(*l, Want("a"));
  MustBe<Released>(l->Release(Id(), {"", "bob", false}));
  f.Advance(-60000);
  Take(*l, Want("b"));
  MustBe<Released>(l->Release(Id(), {"", "bob", false}));
}

inline void AClockThatWasSetBackForgetsNothing(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  for (size_t i = 0; i < kReleasedIdsKept; ++i) {
    Take(*l, Want(std::to_string(i)));
    Free(*l, std::to_string(i));
  }
  f.Advance(-60 * 60 * 1000);
  Take(*l, Want("after"));
  Free(*l, "after");
  MustBe<WasReleased>(l->Acquire(Id(), Want("after"), Base7));
  MustBe<WasReleased>(l->Acquire(Id(), Want("1"), Base7));
  Take(*l, Want("0"));  // the oldest made room
}

}  // namespace locker_cases
}  // namespace stateward

#define LOCKER_FORCE_CASES(X, G)                     \
  X(G, RepeatOfAForcedReleaseFreesNothing)           \
  X(G, AnUnnamedReleaseIsAForcedOne)                 \
  X(G, AdministratorsReleaseIsAForcedOne)            \
  X(G, AnothersForcedReleaseEndsNoRepeat)            \
  X(G, AForcedReleaseIsNotedWhereItIsGranted)        \
  X(G, AForcedReleaseOfOnesOwnIsNoTryThatComesAgain) \
  X(G, NothingComesBetweenAForcedReleaseAndItsNote)
#define LOCKER_TWO_STEPS_CASES(X, G) X(G, AHalfTakenLockIsForcedWithItsNote)
#define LOCKER_FORCE_CLOCK_CASES(X, G)   \
  X(G, ForceWorksAgainAfterAWhile)       \
  X(G, AClockThatWasSetBackForcesNoMore) \
  X(G, AClockThatWasSetBackForgetsNothing)

#endif  // STATEWARD_TESTS_CONFORMANCE_LOCKER_FORCE_CASES_H_
