// Cases of locker_cases.h: gates, and the locks that they keep from being given.
#ifndef STATEWARD_TESTS_CONFORMANCE_LOCKER_GATES_CASES_H_
#define STATEWARD_TESTS_CONFORMANCE_LOCKER_GATES_CASES_H_

#include <atomic>
#include <chrono>
#include <set>

#include "conformance/locker_fixture.h"

namespace stateward {
namespace locker_cases {

inline Gate GateOf(const std::string& pattern) {
  return {pattern, 1795788000000, 0, "ann \"\xc3\xa9", "new 'router' \\ 100%"};
}

// Shuts `pattern`; the ticket of who knows of it and finds it fitting.
inline GateTicket ShutNow(Locker& l, const std::string& pattern = "p/*") {
  GateSet set = Must(l.ReadGates());
  set.gates.push_back(GateOf(pattern));
  CHECK(Must(l.ExchangeGates(set.tag, set.gates)));
  return {Must(l.ReadGates()).tag, kShutForGood};
}

inline Result<std::set<std::string>> AllHeld(Locker& l) {
  std::set<std::string> held;
  Status status = l.EachHeld([&](const StateId& id, const Result<LockRecord>&) {
    held.insert(id.hex());
    return true;
  });
  if (!status.ok()) return status;
  return held;
}

inline void GatesAreExchangedByTheirTag(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  STRCMP_EQUAL("", Must(l->ReadGates()).tag.c_str());
  CHECK(Must(l->ReadGates()).gates.empty());
  CHECK_FALSE(Must(l->ExchangeGates("0123456789abcdef", {GateOf("a")})));
  Gate second = GateOf("net/*");
  second.until_ms = 1795795200001;
  CHECK(Must(l->ExchangeGates("", {GateOf("a"), second})));
  for (const std::shared_ptr<Locker>& each : {l, f.Open()}) {
    const GateSet set = Must(each->ReadGates());
    LONGS_EQUAL(16, set.tag.size());
    LONGS_EQUAL(2, set.gates.size());
    CHECK(set.now_ms > 1600000000000);
    const Gate& got = set.gates[1];
    STRCMP_EQUAL(second.pattern.c_str(), got.pattern.c_str());
    STRCMP_EQUAL(second.by.c_str(), got.by.c_str());
    STRCMP_EQUAL(second.reason.c_str(), got.reason.c_str());
    CHECK(second.since_ms == got.since_ms && second.until_ms == got.until_ms);
  }
  const std::string tag = Must(l->ReadGates()).tag;
  CHECK_FALSE(Must(f.Open()->ExchangeGates("", {})));
  CHECK(Must(f.Open()->ExchangeGates(tag, {})));
  STRCMP_EQUAL("", Must(l->ReadGates()).tag.c_str());
}

inline void TheMostGatesFit(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  Gate gate;
  gate.pattern = std::string(257, 'x');
  gate.by = std::string(128, '"');
  gate.reason = std::string(kMaxGateReason, '\\');
  CHECK(Must(l->ExchangeGates("", std::vector<Gate>(kMaxGates, gate))));
  LONGS_EQUAL(kMaxGates, Must(f.Open()->ReadGates()).gates.size());
}

inline void AnOldTicketIsToldTheGates(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  const GateTicket ticket = ShutNow(*f.Open());
  const size_t before = f.Kept();
  const GateSet now = MustBe<GatesChanged>(l->Acquire(Id(), Want("a"), Base7)).now;
  STRCMP_EQUAL(ticket.tag.c_str(), now.tag.c_str());
  STRCMP_EQUAL("p/*", now.gates.at(0).pattern.c_str());
  STRCMP_EQUAL("", Holder(*l).c_str());
  LONGS_EQUAL(0, Must(l->CountHeld()).all());
  if (l->HoldsStill()) LONGS_EQUAL(before, f.Kept());
  // Who knows them and finds the state open gets the lock, and so does its repeat by any ticket.
  CHECK_FALSE(
      MustBe<Granted>(l->Acquire(Id(), Want("a"), LockTerms(Base7, {ticket.tag, 0}))).repeated);
  CHECK(MustBe<Granted>(l->Acquire(Id(), Want("a"), Base7)).repeated);
  MustBe<GatesChanged>(l->Acquire(Id(), Want("b"), Base7));
}

inline void AShutGateGivesNoLock(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  Take(*l, Want("a"));
  Take(*l, Want("x"), IdOf("spent"));
  MustBe<Released>(l->Release(IdOf("spent"), {"x", "alice", false}));
  LockRecord plan = Want("p");
  plan.operation = std::string(kPlanOperation);
  plan.shared = true;
  Take(*l, plan, IdOf("planned"));
  const GateTicket ticket = ShutNow(*l);
  const LockTerms shut(Base7, ticket);
  for (const std::shared_ptr<Locker>& each : {l, f.Open()}) {
    // Also of who asks with the ID of a plan.
    for (const char* id : {"w", "p"}) {
      MustBe<Shut>(each->Acquire(IdOf("planned"), Want(id), shut));
    }
    CHECK_FALSE(MustBe<Shut>(each->Acquire(IdOf("new"), Want("n"), shut)).holder);
    SameRecord(Want("a"), 7, *MustBe<Shut>(each->Acquire(Id(), Want("b"), shut)).holder);
    SameRecord(Want("a"), 7, *MustBe<Shut>(each->Acquire(Id(), Want("a", "bob"), shut)).holder);
    CHECK(MustBe<Granted>(each->Acquire(Id(), Want("a"), shut)).repeated);
    MustBe<WasReleased>(each->Acquire(IdOf("spent"), Want("x"), shut));
  }
  STRCMP_EQUAL("", Holder(*l, IdOf("new")).c_str());
  STRCMP_EQUAL("a", Holder(*l).c_str());
  Free(*l, "a");
  CHECK_FALSE(MustBe<Shut>(l->Acquire(Id(), Want("b"), shut)).holder);
  // The gates are what they were, but this state's was shut until a time that is over.
  MustBe<Granted>(l->Acquire(Id(), Want("b"), LockTerms(Base7, {ticket.tag, 1600000000000})));
  CHECK(Must(l->ExchangeGates(ticket.tag, {})));
  CHECK(MustBe<GatesChanged>(l->Acquire(IdOf("new"), Want("n"), shut)).now.gates.empty());
  Take(*l, Want("n"), IdOf("new"));
}

inline void AWriteIsShownTheGates(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  size_t seen = 99;
  const auto look = [&](LockView& view) { seen = Must(view.gates()).gates.size(); };
  CHECK(l->WithLock(Id(), look).ok());
  LONGS_EQUAL(0, seen);
  ShutNow(*f.Open());
  CHECK(l->WithLock(Id(), look).ok());
  LONGS_EQUAL(1, seen);
}

inline void EachChangeOfTheGatesCounts(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  constexpr size_t kThreads = 4;
  InThreads(kThreads, [&](size_t t) {
    std::shared_ptr<Locker> mine = f.Open();
    for (int tries = 0; tries < 200; ++tries) {
      Result<GateSet> set = mine->ReadGates();
      if (!set.ok()) continue;
      set->gates.push_back(GateOf(std::to_string(t)));
      Result<bool> done = mine->ExchangeGates(set->tag, set->gates);
      if (done.ok() && *done) return;
    }
  });
  std::set<std::string> patterns;
  for (const Gate& gate : Must(l->ReadGates()).gates) patterns.insert(gate.pattern);
  LONGS_EQUAL(kThreads, patterns.size());
}

// Whoever looks at the locks after he shut the gate sees each that is still to be reckoned with.
inline void NoLockAppearsOnceAGateIsShut(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  std::atomic<int> under_way{0};
  const auto slow = [&](const BaseAsk&) -> Result<uint64_t> {
    ++under_way;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return uint64_t{7};
  };
  constexpr size_t kThreads = 4;
  std::atomic<size_t> ended{0};
  Result<std::set<std::string>> held = Status::Unavailable("nobody has looked");
  std::atomic<int> granted{0};
  InThreads(kThreads + 1, [&](size_t t) {
    std::shared_ptr<Locker> mine = f.Open();
    if (t < kThreads) {
      const StateId id = IdOf(std::to_string(t));
      const Result<AcquireOutcome> outcome =
          AskAgain([&] { return mine->Acquire(id, Want("a"), slow); });
      if (outcome.ok() && std::holds_alternative<Granted>(*outcome)) ++granted;
      ++ended;
      return;
    }
    while (under_way == 0 && ended < kThreads) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    // It may have been shut by a try that was refused.
    const auto shut = [&] {
      const Result<GateSet> now = mine->ReadGates();
      if (!now.ok() || !now->gates.empty()) return now.ok() ? Status() : now.status();
      const Result<bool> done = mine->ExchangeGates(now->tag, {GateOf("p/*")});
      return done.ok() ? Status() : done.status();
    };
    const Status status = AskAgain(shut);
    if (status.ok()) held = AskAgain([&] { return AllHeld(*mine); });
  });
  const std::set<std::string> seen = Must(held);
  LONGS_EQUAL(1, Must(l->ReadGates()).gates.size());
  for (const std::string& hex : Must(AllHeld(*l))) {
    if (seen.count(hex) == 0) FAIL("a lock was given after the gate was shut");
  }
  CHECK(static_cast<size_t>(granted.load()) <= seen.size());
  CHECK(under_way.load() > 0);
}

}  // namespace locker_cases
}  // namespace stateward

#define LOCKER_GATES_CASES(X, G)    \
  X(G, GatesAreExchangedByTheirTag) \
  X(G, TheMostGatesFit)             \
  X(G, AnOldTicketIsToldTheGates)   \
  X(G, AShutGateGivesNoLock)        \
  X(G, AWriteIsShownTheGates)       \
  X(G, EachChangeOfTheGatesCounts)  \
  X(G, NoLockAppearsOnceAGateIsShut)

#endif  // STATEWARD_TESTS_CONFORMANCE_LOCKER_GATES_CASES_H_
