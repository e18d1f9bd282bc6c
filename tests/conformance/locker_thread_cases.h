// Cases of locker_cases.h: many clients at once.
#ifndef STATEWARD_TESTS_CONFORMANCE_LOCKER_THREAD_CASES_H_
#define STATEWARD_TESTS_CONFORMANCE_LOCKER_THREAD_CASES_H_

#include <atomic>

#include "conformance/locker_fixture.h"

namespace stateward {
namespace locker_cases {

inline void OneOfSixtyIsGranted(LockerFixture& f) {
  const std::shared_ptr<Locker> instances[] = {Fresh(f), f.Open()};
  constexpr size_t kThreads = 60;
  std::vector<std::string> said(kThreads);
  InThreads(kThreads, [&](size_t t) {
    const LockRecord want = Want(std::to_string(t));
    const Result<AcquireOutcome> r =
        AskAgain([&] { return instances[t % 2]->Acquire(Id(), want, Base7); });
    if (!r.ok()) return;
    if (std::holds_alternative<Granted>(*r)) said[t] = "granted";
    if (const auto* held = std::get_if<HeldBy>(&*r)) said[t] = held->holder.id;
  });
  const std::string winner = Holder(*instances[0]);
  for (size_t t = 0; t < kThreads; ++t) {
    STRCMP_EQUAL(std::to_string(t) == winner ? "granted" : winner.c_str(), said[t].c_str());
  }
}

inline void SixtyStatesAreAllGranted(LockerFixture& f) {
  const std::shared_ptr<Locker> instances[] = {Fresh(f), f.Open()};
  constexpr size_t kThreads = 60;
  std::atomic<size_t> granted{0};
  InThreads(kThreads, [&](size_t t) {
    const StateId id = IdOf(std::to_string(t));
    const Result<AcquireOutcome> r =
        AskAgain([&] { return instances[t % 2]->Acquire(id, Want("a"), Base7); });
    if (r.ok() && std::holds_alternative<Granted>(*r)) ++granted;
  });
  LONGS_EQUAL(kThreads, granted.load());
  LONGS_EQUAL(kThreads, Must(instances[0]->CountHeld()).all());
}

inline void OneHolderAtATime(LockerFixture& f) {
  const std::shared_ptr<Locker> instances[] = {Fresh(f), f.Open()};
  std::atomic<int> holders{0};
  std::atomic<int> turns{0};
  std::atomic<bool> bad{false};
  InThreads(6, [&](size_t t) {
    Locker& l = *instances[t % 2];
    for (int i = 0; i < 15; ++i) {
      const std::string id = std::to_string(t) + "-" + std::to_string(i);
      const Result<AcquireOutcome> r = AskAgain([&] { return l.Acquire(Id(), Want(id), Base7); });
      if (!r.ok()) bad = true;
      if (!r.ok() || !std::holds_alternative<Granted>(*r)) continue;
      if (holders.fetch_add(1) != 0) bad = true;
      const Result<LockView> view = AskAgain([&] { return l.Look(Id()); });
      if (!view.ok() || !view->holder || view->holder->id != id) bad = true;
      holders.fetch_sub(1);
      if (!IsReleased(AskAgain([&] { return l.Release(Id(), {id, "alice", false}); }))) bad = true;
      ++turns;
    }
  });
  CHECK_FALSE(bad);
  CHECK(turns > 0);
}

}  // namespace locker_cases
}  // namespace stateward

#endif  // STATEWARD_TESTS_CONFORMANCE_LOCKER_THREAD_CASES_H_
