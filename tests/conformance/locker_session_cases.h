// Cases of locker_cases.h: what a lock session leaves for the next one. Numbers that must be taken
// away, tokens of released locks, the mark.
#ifndef STATEWARD_TESTS_CONFORMANCE_LOCKER_SESSION_CASES_H_
#define STATEWARD_TESTS_CONFORMANCE_LOCKER_SESSION_CASES_H_

#include <memory>
#include <string>
#include <vector>

#include "conformance/locker_fixture.h"

namespace stateward {
namespace locker_cases {

// Locks with a base that fails or not; returns whether it was told to burn.
inline bool LockSaysBurn(Locker& l, const std::string& lock_id, bool base_works = true) {
  bool said = false;
  Result<AcquireOutcome> outcome =
      l.Acquire(Id(), Want(lock_id), [&](const BaseAsk& ask) -> Result<uint64_t> {
        said = ask.burn;
        if (!base_works) return Status::Unavailable("no head");
        return uint64_t{7};
      });
  CHECK(outcome.ok() == base_works);
  return said;
}

inline void ForcedReleaseBurnsAtTheNextGrant(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  CHECK_FALSE(LockSaysBurn(*l, "a"));
  Free(*l, "a");
  CHECK_FALSE(LockSaysBurn(*l, "b"));
  MustBe<Released>(l->Release(Id(), {"", "bob", false}));
  CHECK(LockSaysBurn(*f.Open(), "c", false));
  CHECK(LockSaysBurn(*l, "c"));  // the base that came of it was not stored
  Free(*l, "c");
  CHECK_FALSE(LockSaysBurn(*l, "d"));
  MustBe<Released>(l->Release(Id(), {"d", "admin", true}));
  CHECK(LockSaysBurn(*l, "e"));
}

inline void BurnNextBurnsAtTheNextGrant(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  CHECK(l->BurnNext(Id()).ok());
  CHECK(LockSaysBurn(*f.Open(), "a"));
  CHECK(f.Open()->BurnNext(Id()).ok());  // while it is held
  STRCMP_EQUAL("a", Holder(*l).c_str());
  Free(*l, "a");
  CHECK(LockSaysBurn(*l, "b"));
  Free(*l, "b");
  CHECK_FALSE(LockSaysBurn(*l, "c"));
}

// After `init --locks` records may be gone that the locks still know of.
inline void ANewEpochBurnsAndForgetsTheMark(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  Take(*l, Want("a"));
  Free(*l, "a");
  Take(*l, Want("held"));
  CHECK(l->WithLock(Id(), [](LockView& view) { view.mark = 12; }).ok());
  CHECK(Must(l->Look(Id())).mark > 0);
  Must(f.Open()->InitService(true));
  LONGS_EQUAL(0, Must(f.Open()->Look(Id())).mark);
  STRCMP_EQUAL("held", Holder(*f.Open()).c_str());
  Free(*f.Open(), "held");
  LONGS_EQUAL(0, Must(f.Open()->Look(Id())).mark);
  CHECK(LockSaysBurn(*f.Open(), "b"));
  MustBe<WasReleased>(f.Open()->Acquire(Id(), Want("a"), Base7));
}

inline void TokensOfReleasedLocksAreRemembered(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  LockRecord want = Want("a");
  want.token_sha256 = std::string(64, '5');
  CHECK_FALSE(Must(l->TokenReleased(Id(), want.token_sha256)));
  Take(*l, want);
  CHECK_FALSE(Must(l->TokenReleased(Id(), want.token_sha256)));
  Free(*l, "a");
  CHECK(Must(f.Open()->TokenReleased(Id(), want.token_sha256)));
  CHECK_FALSE(Must(l->TokenReleased(Id(), std::string(64, '6'))));
  CHECK_FALSE(Must(l->TokenReleased(IdOf("another state"), want.token_sha256)));
}

inline void MarkIsTheHighestHeadThatWasTold(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  std::vector<uint64_t> told;
  const auto base = [&](const BaseAsk& ask) -> Result<uint64_t> {
    told.push_back(ask.mark);
    return uint64_t{9};
  };
  CHECK_FALSE(MustBe<Granted>(l->Acquire(Id(), Want("a"), base)).repeated);
  CHECK(Must(f.Open()->Look(Id())).mark == 9);
  ReleaseRequest request{"a", "alice", false};
  request.head = 12;
  MustBe<Released>(l->Release(Id(), request));
  CHECK(Must(l->Look(Id())).mark == 12);
  CHECK(f.Open()->WithLock(Id(), [](const LockView& view) { CHECK(view.mark == 12); }).ok());
  const auto gone = [&](const BaseAsk& ask) {
    told.push_back(ask.mark);
    return Result<uint64_t>(Status::Unavailable("records are gone"));
  };
  IsUnavailable(l->Acquire(Id(), Want("b"), gone));
  CHECK(Must(l->Look(Id())).mark == 12);
  CHECK(told == std::vector<uint64_t>({0, 12}));
}

}  // namespace locker_cases
}  // namespace stateward

#endif  // STATEWARD_TESTS_CONFORMANCE_LOCKER_SESSION_CASES_H_
