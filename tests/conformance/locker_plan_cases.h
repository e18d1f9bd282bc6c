// Cases of locker_cases.h: plan locks and the writers that wait for them (docs/lock.md, "Plan
// locks").
#ifndef STATEWARD_TESTS_CONFORMANCE_LOCKER_PLAN_CASES_H_
#define STATEWARD_TESTS_CONFORMANCE_LOCKER_PLAN_CASES_H_

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "conformance/locker_fixture.h"
#include "conformance/locker_session_cases.h"

namespace stateward {
namespace locker_cases {

inline LockRecord Plan(const std::string& id, const std::string& principal = "alice") {
  LockRecord record = Want(id, principal);
  record.info = "{\"ID\":\"" + id + "\",\"Who\":\"" + principal + "@host\",\"Info\":\"\"}";
  record.operation = std::string(kPlanOperation);
  record.shared = true;
  return record;
}
inline LockRecord Writer(const std::string& id, const std::string& principal = "ann") {
  LockRecord record = Want(id, principal);
  record.hold_plans_ms = 60000;
  return record;
}
// As it is kept and shown.
inline void IsPlan(const LockRecord& want, const LockRecord& got) {
  STRCMP_EQUAL(want.id.c_str(), got.id.c_str());
  STRCMP_EQUAL(want.principal.c_str(), got.principal.c_str());
  STRCMP_EQUAL(want.token_sha256.c_str(), got.token_sha256.c_str());
  STRCMP_EQUAL(("{\"ID\":\"" + want.id + "\",\"Operation\":\"OperationTypePlan\",\"Who\":\"" +
                want.principal + "@host\"}")
                   .c_str(),
               got.info.c_str());
  CHECK(got.shared && got.plan_only == want.plan_only && got.operation == want.operation);
  CHECK(got.time_ms > 1600000000000);
}
inline void Free(Locker& l, const LockRecord& record) {
  STRCMP_EQUAL(record.id.c_str(),
               MustBe<Released>(l.Release(Id(), {record.id, record.principal})).record.id.c_str());
}

inline void PlansShareTheLock(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  LockRecord first = Plan("p");
  first.token_sha256 = std::string(64, '5');
  const LockRecord second = Plan("q", "bob's \"\\%\xc3\xa9");
  Take(*l, first);
  Take(*f.Open(), second);
  CHECK(MustBe<Granted>(f.Open()->Acquire(Id(), first, Base7)).repeated);
  for (const std::shared_ptr<Locker>& each : {l, f.Open()}) {
    const LockView view = Must(each->Look(Id()));
    CHECK_FALSE(view.holder.has_value());
    LONGS_EQUAL(2, view.plans.size());
    IsPlan(first, view.plans[0]);
    CHECK(view.plans[1].principal == second.principal);
    CHECK(view.mark == 7);
    const HeldBy held = MustBe<HeldBy>(each->Acquire(Id(), Want("w"), Base7));
    IsPlan(first, held.holder);
    LONGS_EQUAL(2, held.plans.size());
    CHECK(each->WithLock(Id(), [](const LockView& now) { LONGS_EQUAL(2, now.plans.size()); }).ok());
  }
  // The ID is shown to all: another principal's LOCK with it takes nothing, nor does a writer's.
  STRCMP_EQUAL("p", MustBe<HeldBy>(l->Acquire(Id(), Plan("p", "bob"), Base7)).holder.id.c_str());
  STRCMP_EQUAL("p", MustBe<HeldBy>(l->Acquire(Id(), Want("p"), Base7)).holder.id.c_str());
  Take(*l, Want("w"), IdOf("another state"));
}

inline void AWriterAndPlansExcludeEachOther(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  Take(*l, Want("w"));
  SameRecord(Want("w"), 7, MustBe<HeldBy>(f.Open()->Acquire(Id(), Plan("p"), Base7)).holder);
  Free(*l, "w");
  Take(*l, Plan("p"));
  MustBe<HeldBy>(f.Open()->Acquire(Id(), Want("x"), Base7));
  Take(*l, Plan("q"));  // that writer does not hold plans back
  Free(*l, Plan("p"));
  MustBe<HeldBy>(f.Open()->Acquire(Id(), Want("x"), Base7));
  Free(*l, Plan("q"));
  Take(*l, Want("x"));
  CHECK(Must(l->Look(Id())).plans.empty());
}

inline void PlansAreReleasedOneByOne(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  LockRecord plan = Plan("p");
  plan.token_sha256 = std::string(64, '5');
  Take(*l, plan);
  Take(*l, Plan("q", "bob"));
  STRCMP_EQUAL("q", MustBe<HeldBy>(l->Release(Id(), {"q", "alice"})).holder.id.c_str());
  MustBe<HeldBy>(l->Release(Id(), {"x", "alice"}));
  IsPlan(plan, MustBe<Released>(f.Open()->Release(Id(), {"p", "alice"})).record);
  CHECK(Must(f.Open()->TokenReleased(Id(), plan.token_sha256)));
  for (const std::shared_ptr<Locker>& each : {l, f.Open()}) {
    MustBe<WasReleased>(each->Release(Id(), {"p", "alice"}));
    MustBe<WasReleased>(each->Acquire(Id(), Plan("p"), Base7));
    LONGS_EQUAL(1, Must(each->Look(Id())).plans.size());
  }
  MustBe<Released>(l->Release(Id(), {"q", "admin", true}));
  CHECK(Must(l->Look(Id())).plans.empty());
  MustBe<WasReleased>(l->Release(Id(), {"q", "bob"}));
}

// A plan writes nothing that could come late.
inline void AForcedReleaseOfAPlanLeavesNoNote(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  Take(*l, Plan("p"));
  Take(*l, Plan("q", "bob"));
  MustBe<Released>(l->Release(Id(), Forced("p")));
  MustBe<Released>(f.Open()->Release(Id(), Forced("q", "admin", true)));
  CHECK_FALSE(LockSaysBurn(*l, "w"));
}

inline void AnEmptyReleaseFreesOnesOwnPlansOrAll(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  for (const char* id : {"p", "q"}) Take(*l, Plan(id));
  Take(*l, Plan("r", "bob"));
  ReleaseRequest own{"", "carol"};
  own.own_plans = true;
  LONGS_EQUAL(3, MustBe<HeldBy>(l->Release(Id(), own)).plans.size());
  own.principal = "alice";
  LONGS_EQUAL(2, MustBe<Released>(l->Release(Id(), own)).plans.size());
  MustBe<NotHeld>(f.Open()->Release(Id(), own));  // its repeat
  Take(*l, Plan("s"));
  CHECK(MustBe<HeldBy>(l->Release(Id(), own)).freed_from_ms != 0);
  LONGS_EQUAL(2, Must(l->Look(Id())).plans.size());
  LONGS_EQUAL(2, MustBe<Released>(f.Open()->Release(Id(), {"", "admin"})).plans.size());
  MustBe<NotHeld>(l->Release(Id(), {"", "admin"}));
  for (const char* id : {"p", "q", "s"}) MustBe<WasReleased>(l->Acquire(Id(), Plan(id), Base7));
  Take(*l, Want("w"));
  own.principal = "dora";
  MustBe<HeldBy>(l->Release(Id(), own));
  STRCMP_EQUAL("w", Holder(*l).c_str());
}

// A plan writes nothing that could come late; but what came before it may.
inline void PlansBurnForWhatCameBefore(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  std::vector<bool> burns;
  std::vector<uint64_t> marks;
  const auto base = [&](const BaseAsk& ask) -> Result<uint64_t> {
    burns.push_back(ask.burn);
    marks.push_back(ask.mark);
    return uint64_t{9};
  };
  Take(*l, Want("w"));
  MustBe<Released>(l->Release(Id(), {"", "bob"}));
  const auto fails = [](const BaseAsk&) {
    return Result<uint64_t>(Status::Unavailable("no head"));
  };
  IsUnavailable(l->Acquire(Id(), Plan("p"), fails));
  CHECK(Must(l->Look(Id())).plans.empty());
  MustBe<Granted>(f.Open()->Acquire(Id(), Plan("p"), base));
  MustBe<Granted>(l->Acquire(Id(), Plan("q"), base));
  MustBe<Released>(l->Release(Id(), {"", "admin"}));
  MustBe<Granted>(l->Acquire(Id(), Want("x"), base));
  CHECK(burns == std::vector<bool>({true, false, false}));
  CHECK(marks == std::vector<uint64_t>({7, 9, 9}));
}

inline void AsManyPlansAsThereMayBe(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  LockRecord plan = Plan("", std::string(200, 'p'));
  plan.info = "{\"Who\":\"" + std::string(300, 'w') + "\"}";
  plan.token_sha256 = std::string(64, '7');
  for (size_t i = 0; i < kMaxPlanLocks; ++i) {
    plan.id = std::to_string(1000 + i) + std::string(124, 'i');
    Take(*l, plan);
  }
  LONGS_EQUAL(kMaxPlanLocks, MustBe<HeldBy>(l->Acquire(Id(), Plan("more"), Base7)).plans.size());
  CHECK(MustBe<Granted>(l->Acquire(Id(), plan, Base7)).repeated);
  LONGS_EQUAL(kMaxPlanLocks, Must(f.Open()->CountHeld()).plans);
  LONGS_EQUAL(kMaxPlanLocks, MustBe<Released>(l->Release(Id(), {"", "admin"})).plans.size());
  MustBe<WasReleased>(l->Acquire(Id(), plan, Base7));
  LONGS_EQUAL(0, Must(f.Open()->CountHeld()).all());
}

inline void HeldPlansAreToldAndCounted(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  Take(*l, Want("w"), IdOf("1"));
  Take(*l, Plan("p"), IdOf("2"));
  Take(*l, Plan("q", "bob"), IdOf("2"));
  std::multimap<std::string, LockRecord> told;
  CHECK(f.Open()
            ->EachHeld([&](const StateId& id, const Result<LockRecord>& held) {
              told.emplace(id.hex(), Must(held));
              return true;
            })
            .ok());
  LONGS_EQUAL(1, told.count(IdOf("1").hex()));
  LONGS_EQUAL(2, told.count(IdOf("2").hex()));
  IsPlan(Plan("p"), told.find(IdOf("2").hex())->second);
  const HeldCount count = Must(l->CountHeld());
  LONGS_EQUAL(1, count.whole);
  LONGS_EQUAL(2, count.plans);
  size_t calls = 0;
  CHECK(l->EachHeld([&](const StateId&, const Result<LockRecord>&) { return ++calls == 0; }).ok());
  LONGS_EQUAL(1, calls);
  MustBe<Released>(l->Release(IdOf("2"), {"p", "alice"}));
  MustBe<Released>(l->Release(IdOf("2"), {"q", "bob"}));
  LONGS_EQUAL(1, Must(f.Open()->CountHeld()).all());
}

inline void AWaitingWriterHoldsPlansBack(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  Take(*l, Plan("p"));
  IsPlan(Plan("p"), MustBe<HeldBy>(l->Acquire(Id(), Writer("w"), Base7)).holder);
  const HeldBy held = MustBe<HeldBy>(f.Open()->Acquire(Id(), Plan("q"), Base7));
  STRCMP_EQUAL("w", held.holder.id.c_str());
  STRCMP_EQUAL("ann", held.holder.principal.c_str());
  CHECK(held.plans_from_ms > held.holder.time_ms);
  CHECK(held.plans_from_ms <= held.holder.time_ms + 2 * kWriterGoneMs);
  LONGS_EQUAL(1, held.plans.size());
  CHECK(MustBe<Granted>(l->Acquire(Id(), Plan("p"), Base7)).repeated);
  Free(*l, Plan("p"));
  MustBe<HeldBy>(l->Acquire(Id(), Plan("q"), Base7));
  Take(*f.Open(), Writer("w"));
  MustBe<Released>(l->Release(Id(), {"w", "ann"}));
  Take(*l, Plan("q"));
}

// Eight plans of eight instances at once, and writers among them: they never overlap.
inline void PlansAndWritersInThreads(LockerFixture& f) {
  std::shared_ptr<Locker> first = Fresh(f);
  std::atomic<int> plans{0};
  std::atomic<int> writers{0};
  std::atomic<int> overlaps{0};
  std::atomic<int> shared{0};
  constexpr int kRounds = 12;
  InThreads(6, [&](size_t t) {
    std::shared_ptr<Locker> mine = f.Open();
    const bool writes = t == 0;
    for (int i = 0; i < kRounds; ++i) {
      const std::string id = std::to_string(t) + "-" + std::to_string(i);
      const LockRecord want = writes ? Want(id) : Plan(id);
      Result<AcquireOutcome> outcome = mine->Acquire(Id(), want, Base7);
      if (!outcome.ok() || !std::holds_alternative<Granted>(*outcome)) continue;
      std::atomic<int>& own = writes ? writers : plans;
      const std::atomic<int>& others = writes ? plans : writers;
      if (++own > 1) {
        if (writes) ++overlaps;
        ++shared;
      }
      if (others > 0) ++overlaps;
      std::this_thread::yield();
      --own;
      (void)mine->Release(Id(), {id, "alice"});
    }
  });
  LONGS_EQUAL(0, overlaps.load());
}

// ---- With a clock ----

inline void AWriterThatIsGoneHoldsNothingBack(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  Take(*l, Plan("p"));
  MustBe<HeldBy>(l->Acquire(Id(), Writer("w"), Base7));
  // Twice this is more than it takes, and as much is left each time: where the clock is a real one,
  // what comes next may take some seconds.
  constexpr int64_t kBitMoreThanHalfMs = kWriterGoneMs / 2 + 500;
  f.Advance(kBitMoreThanHalfMs);
  MustBe<HeldBy>(l->Acquire(Id(), Plan("q"), Base7));
  MustBe<HeldBy>(l->Acquire(Id(), Writer("w"), Base7));
  f.Advance(kBitMoreThanHalfMs);
  MustBe<HeldBy>(f.Open()->Acquire(Id(), Plan("q"), Base7));
  f.Advance(kWriterGoneMs / 2);
  Take(*l, Plan("q"));
  // Its principal has to leave plans their time, with any ID.
  for (const char* id : {"w", "w2"}) MustBe<HeldBy>(l->Acquire(Id(), Writer(id), Base7));
  Take(*l, Plan("r"));
  MustBe<HeldBy>(l->Acquire(Id(), Writer("v", "bob"), Base7));
  STRCMP_EQUAL("v", MustBe<HeldBy>(l->Acquire(Id(), Plan("s"), Base7)).holder.id.c_str());
  f.Advance(61000);
  MustBe<HeldBy>(l->Acquire(Id(), Writer("w3"), Base7));
  STRCMP_EQUAL("w3", MustBe<HeldBy>(l->Acquire(Id(), Plan("s"), Base7)).holder.id.c_str());
}

inline void PlansDoNotExpire(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  Take(*l, Plan("p"));
  f.Advance(10LL * 365 * 24 * 60 * 60 * 1000);
  MustBe<HeldBy>(f.Open()->Acquire(Id(), Want("w"), Base7));
  Free(*l, Plan("p"));
}

}  // namespace locker_cases
}  // namespace stateward

#define LOCKER_PLAN_CASES(X, G)              \
  X(G, PlansShareTheLock)                    \
  X(G, AWriterAndPlansExcludeEachOther)      \
  X(G, PlansAreReleasedOneByOne)             \
  X(G, AForcedReleaseOfAPlanLeavesNoNote)    \
  X(G, AnEmptyReleaseFreesOnesOwnPlansOrAll) \
  X(G, PlansBurnForWhatCameBefore)           \
  X(G, AsManyPlansAsThereMayBe)              \
  X(G, HeldPlansAreToldAndCounted)           \
  X(G, AWaitingWriterHoldsPlansBack)         \
  X(G, PlansAndWritersInThreads)
#define LOCKER_PLAN_CLOCK_CASES(X, G)     \
  X(G, AWriterThatIsGoneHoldsNothingBack) \
  X(G, PlansDoNotExpire)

#endif  // STATEWARD_TESTS_CONFORMANCE_LOCKER_PLAN_CASES_H_
