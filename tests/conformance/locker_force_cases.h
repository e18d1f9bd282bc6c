// Cases of locker_cases.h: forced releases and their repeats.
#ifndef STATEWARD_TESTS_CONFORMANCE_LOCKER_FORCE_CASES_H_
#define STATEWARD_TESTS_CONFORMANCE_LOCKER_FORCE_CASES_H_

#include "conformance/locker_fixture.h"

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

#endif  // STATEWARD_TESTS_CONFORMANCE_LOCKER_FORCE_CASES_H_
