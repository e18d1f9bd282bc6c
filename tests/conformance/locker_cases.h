// Every Locker must pass every case. A test group supplies `fixture`, made again for each test:
//   TEST_GROUP(LocalConforms) { MyLockerFixture fixture; };
//   LOCKER_CONFORMS(LocalConforms)
//   LOCKER_CONFORMS_CLOCK(LocalConforms)   where the fixture can turn the backend's clock
//   LOCKER_CONFORMS_TWO_STEPS(S3Conforms)  where others may act while a LOCK reads its base
#ifndef STATEWARD_TESTS_CONFORMANCE_LOCKER_CASES_H_
#define STATEWARD_TESTS_CONFORMANCE_LOCKER_CASES_H_

#include <atomic>
#include <chrono>
#include <map>

#include "conformance/locker_fixture.h"
#include "conformance/locker_force_cases.h"
#include "conformance/locker_gates_cases.h"
#include "conformance/locker_plan_cases.h"
#include "conformance/locker_session_cases.h"
#include "conformance/locker_thread_cases.h"

namespace stateward {
namespace locker_cases {

// ---- The service ----

inline void ServiceGetsItsIdOnce(LockerFixture& f) {
  std::shared_ptr<Locker> l = f.Open();
  CHECK_FALSE(l->Name().empty());
  Result<std::string> none = l->ServiceId();
  CHECK(!none.ok() && none.status().code() == Code::kNotFound);
  std::vector<std::string> said(6);
  InThreads(said.size(), [&](size_t t) {
    const std::shared_ptr<Locker> mine = f.Open();
    const Result<std::string> id = AskAgain([&] { return mine->InitService(false); });
    if (id.ok()) said[t] = *id;
  });
  const std::string id = Must(l->ServiceId());
  LONGS_EQUAL(32, id.size());
  CHECK(id.find_first_not_of("0123456789abcdef") == std::string::npos);
  for (const std::string& each : said) STRCMP_EQUAL(id.c_str(), each.c_str());
  STRCMP_EQUAL(id.c_str(), Must(f.Open()->InitService(false)).c_str());
}

inline void ServiceWithoutIdGrantsNothing(LockerFixture& f) {
  std::shared_ptr<Locker> l = f.Open();
  IsUnavailable(l->Acquire(Id(), Want("a"), Base7));
  IsUnavailable(l->Release(Id(), {"a", "alice", false}));
  IsUnavailable(l->Look(Id()));
  CHECK(l->WithLock(Id(), [](const LockView&) {}).code() == Code::kUnavailable);
  IsUnavailable(l->CountHeld());
  const auto any = [](const StateId&, const Result<LockRecord>&) { return true; };
  CHECK(l->EachHeld(any).code() == Code::kUnavailable);
  IsUnavailable(l->ReadGates());
  IsUnavailable(l->ExchangeGates("", {}));
  CHECK_FALSE(l->Check().ok());
  Must(f.Open()->InitService(false));
  l = f.Open();
  CHECK(l->Check().ok());
  STRCMP_EQUAL("", Holder(*l).c_str());
}

// ---- Acquire ----

inline void FreeIsGrantedWithItsBase(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  LockRecord want = Want("a");
  want.token_sha256 = std::string(64, '5');
  want.plan_only = true;
  int calls = 0;
  const auto base = [&](const BaseAsk&) -> Result<uint64_t> {
    ++calls;
    return uint64_t{1} << 40;
  };
  CHECK_FALSE(MustBe<Granted>(l->Acquire(Id(), want, base)).repeated);
  LONGS_EQUAL(1, calls);
  for (const std::shared_ptr<Locker>& each : {l, f.Open()}) {
    LockView view = Must(each->Look(Id()));
    CHECK(view.holder.has_value());
    SameRecord(want, uint64_t{1} << 40, *view.holder);
  }
}

inline void BaseIsReadWhileNobodyElseCanHoldIt(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  std::shared_ptr<Locker> other = f.Open();
  std::atomic<bool> reading{false};
  std::atomic<bool> both{false};
  const auto base = [&](const BaseAsk&) -> Result<uint64_t> {
    if (reading.exchange(true)) both = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    reading = false;
    return uint64_t{3};
  };
  std::atomic<int> granted{0};
  InThreads(4, [&](size_t t) {
    Locker& mine = t % 2 == 0 ? *l : *other;
    const Result<AcquireOutcome> outcome =
        AskAgain([&] { return mine.Acquire(Id(), Want(std::to_string(t)), base); });
    if (outcome.ok() && std::holds_alternative<Granted>(*outcome)) ++granted;
  });
  LONGS_EQUAL(1, granted.load());
  CHECK_FALSE(both);
}

inline void FailedBaseIsMadeGoodByARepeat(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  const auto fails = [](const BaseAsk&) {
    return Result<uint64_t>(Status::Unavailable("no head"));
  };
  IsUnavailable(l->Acquire(Id(), Want("a"), fails));
  MustBe<Granted>(f.Open()->Acquire(Id(), Want("a"), Base7));
  LockView view = Must(l->Look(Id()));
  CHECK(view.holder.has_value());
  SameRecord(Want("a"), 7, *view.holder);
}

inline void RepeatIsGrantedAndChangesNothing(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  Take(*l, Want("a"));
  LockRecord again = Want("a");
  again.info = "{\"ID\":\"a\",\"again\":true}";
  const auto base9 = [](const BaseAsk&) { return Result<uint64_t>(uint64_t{9}); };
  for (const std::shared_ptr<Locker>& each : {l, f.Open()}) {
    CHECK(MustBe<Granted>(each->Acquire(Id(), again, base9)).repeated);
  }
  SameRecord(Want("a"), 7, *Must(l->Look(Id())).holder);
  LONGS_EQUAL(1, Must(l->CountHeld()).all());
}

inline void HolderIsShownToAllOthers(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  Take(*l, Want("a"));
  for (const std::shared_ptr<Locker>& each : {l, f.Open()}) {
    // Another ID, and the same ID (each 423 shows it) of another principal.
    for (const LockRecord& want : {Want("b"), Want("b", "bob"), Want("a", "bob")}) {
      SameRecord(Want("a"), 7, MustBe<HeldBy>(each->Acquire(Id(), want, Base7)).holder);
    }
  }
  STRCMP_EQUAL("a", Holder(*l).c_str());
  Take(*l, Want("b"), IdOf("another state"));
}

inline void InfoComesBackByteForByte(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  std::string ids;
  for (char c = '!'; c <= '~'; ++c) ids += c;
  ids.resize(128, 'x');
  const std::string infos[] = {"",
                               std::string(1, '\0'),
                               all,
                               "'\\\";--\r\n\t%s%00{}[]$1",
                               "{ \"ID\" : \"\\u0041\", \"x\": 1.0e0 }\n",
                               std::string(16384, '\xff')};
  int number = 0;
  for (const std::string& info : infos) {
    const StateId id = IdOf(std::to_string(++number));
    LockRecord want = Want(ids, "user:o'brien \"\\%\xc3\xa9");
    want.info = info;
    want.operation = "op ' \"";
    Take(*l, want, id);
    SameRecord(want, 7, *Must(f.Open()->Look(id)).holder);
    SameRecord(want, 7, MustBe<HeldBy>(l->Acquire(id, Want("b"), Base7)).holder);
    SameRecord(want, 7, MustBe<Released>(l->Release(id, {want.id, want.principal, false})).record);
  }
}

// ---- Release ----

inline void ReleaseComparesIdAndPrincipal(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  MustBe<NotHeld>(l->Release(Id(), {"a", "alice", false}));
  Take(*l, Want("a"));
  for (const ReleaseRequest& request :
       {ReleaseRequest{"b", "alice", false}, ReleaseRequest{"a", "bob", false},
        ReleaseRequest{"b", "admin", true}}) {
    SameRecord(Want("a"), 7, MustBe<HeldBy>(l->Release(Id(), request)).holder);
  }
  STRCMP_EQUAL("a", Holder(*l).c_str());
  SameRecord(Want("a"), 7, MustBe<Released>(f.Open()->Release(Id(), {"a", "alice", false})).record);
  STRCMP_EQUAL("", Holder(*l).c_str());
  Take(*l, Want("c"));
  MustBe<Released>(l->Release(Id(), {"c", "admin", true}));
}

inline void ReleasedIdIsRemembered(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  Take(*l, Want("a"));
  Free(*l, "a");
  for (const std::shared_ptr<Locker>& each : {l, f.Open()}) {
    MustBe<WasReleased>(each->Release(Id(), {"a", "alice", false}));
    MustBe<WasReleased>(each->Acquire(Id(), Want("a"), Base7));
    MustBe<WasReleased>(each->Acquire(Id(), Want("a", "bob"), Base7));
  }
  STRCMP_EQUAL("", Holder(*l).c_str());
  Take(*l, Want("b"));
  MustBe<WasReleased>(l->Release(Id(), {"a", "alice", false}));
  MustBe<WasReleased>(l->Acquire(Id(), Want("a"), Base7));
  STRCMP_EQUAL("b", Holder(*l).c_str());
  Take(*l, Want("a"), IdOf("another state"));
}

inline void NewestReleasedIdsAreKept(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  constexpr int kReleases = static_cast<int>(kReleasedIdsKept) + 2;
  LockRecord want;
  for (int i = 0; i < kReleases; ++i) {
    want = Want("id-" + std::to_string(i));
    want.token_sha256 = std::string(64, '7');
    Take(*l, want);
    Free(*l, want.id);
  }
  MustBe<WasReleased>(l->Acquire(Id(), Want("id-2"), Base7));
  MustBe<WasReleased>(l->Acquire(Id(), want, Base7));
  // The largest record that there can be.
  want = Want(std::string(128, 'i'), std::string(128, 'p'));
  want.info = std::string(16384, 'x');
  want.token_sha256 = std::string(64, '7');
  Take(*l, want);
  SameRecord(want, 7, *Must(f.Open()->Look(Id())).holder);
}

// Looking at what never was, or releasing it, creates nothing.
inline void LookingLeavesNothingBehind(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  const size_t before = f.Kept();
  for (int i = 0; i < 5; ++i) {
    const StateId id = IdOf("never-" + std::to_string(i));
    MustBe<NotHeld>(l->Release(id, {"a", "alice", false}));
    MustBe<NotHeld>(l->Release(id, {"", "alice", false}));
    STRCMP_EQUAL("", Holder(*l, id).c_str());
    CHECK_FALSE(Must(l->TokenReleased(id, std::string(64, '5'))));
    CHECK(l->WithLock(id, [](const LockView& view) { CHECK_FALSE(view.holder); }).ok());
    const auto fails = [](const BaseAsk&) { return Result<uint64_t>(Status::Unavailable("")); };
    if (l->HoldsStill()) IsUnavailable(l->Acquire(id, Want("a"), fails));
    MustBe<NotHeld>(l->Release(id, Forced("a")));  // nor does one by force
  }
  LONGS_EQUAL(before, f.Kept());
  Take(*l, Want("a"), IdOf("never-1"));
  CHECK(f.Kept() > before);
}

inline void ForceReleasesWhateverIsHeld(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  MustBe<NotHeld>(l->Release(Id(), {"", "bob", false}));  // frees nothing: no repeat of it follows
  Take(*l, Want("a"));
  SameRecord(Want("a"), 7, MustBe<Released>(l->Release(Id(), {"", "bob", false})).record);
  STRCMP_EQUAL("", Holder(*l).c_str());
  MustBe<WasReleased>(l->Acquire(Id(), Want("a"), Base7));
}

// ---- Views ----

inline void WithLockShowsTheHolder(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  int calls = 0;
  CHECK(l->WithLock(Id(), [&](const LockView& view) { calls += view.holder ? 100 : 1; }).ok());
  LONGS_EQUAL(1, calls);
  Take(*l, Want("a"));
  LockView seen;
  CHECK(f.Open()->WithLock(Id(), [&](const LockView& view) { seen = view; }).ok());
  CHECK(seen.holder.has_value());
  SameRecord(Want("a"), 7, *seen.holder);
}

inline void WithLockHoldsStillWhereItSaysSo(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  if (!l->HoldsStill()) return;
  Take(*l, Want("a"));
  std::atomic<bool> released{false};
  std::thread other;
  bool early = false;
  const Status status = l->WithLock(Id(), [&](const LockView&) {
    other = std::thread([&] {
      const std::shared_ptr<Locker> mine = f.Open();
      // This thread may stand still for longer than the other one waits.
      released = IsReleased(AskAgain([&] { return mine->Release(Id(), {"a", "alice", false}); }));
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    early = released;
  });
  if (other.joinable()) other.join();
  CHECK(status.ok());
  CHECK_FALSE(early);
  CHECK(released);
}

inline void HeldLocksAreTold(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  for (const char* name : {"1", "2", "3"}) Take(*l, Want(name), IdOf(name));
  MustBe<Released>(l->Release(IdOf("2"), {"2", "alice", false}));
  std::map<std::string, LockRecord> told;
  std::string last;
  const auto all = [&](const StateId& id, const Result<LockRecord>& holder) {
    CHECK(last < id.hex());
    last = id.hex();
    told[last] = Must(holder);
    return true;
  };
  CHECK(f.Open()->EachHeld(all).ok());
  LONGS_EQUAL(2, told.size());
  SameRecord(Want("1"), 7, told[IdOf("1").hex()]);
  SameRecord(Want("3"), 7, told[IdOf("3").hex()]);
  size_t calls = 0;
  const auto first = [&](const StateId&, const Result<LockRecord>&) { return ++calls == 0; };
  CHECK(l->EachHeld(first).ok());
  LONGS_EQUAL(1, calls);
  // From where somebody stopped; that need not be held any more.
  for (const std::string& from : {told.begin()->first, IdOf("2").hex(), told.rbegin()->first}) {
    std::vector<std::string> rest;
    StateId after;
    CHECK(StateId::Parse(from, &after));
    const auto note = [&](const StateId& id, const Result<LockRecord>&) {
      rest.push_back(id.hex());
      return true;
    };
    CHECK(l->EachHeldAfter(after, note).ok());
    std::vector<std::string> want;
    for (const auto& [hex, record] : told) {
      if (hex > from) want.push_back(hex);
    }
    CHECK(want == rest);
  }
}

// States with free locks are told where that is cheap.
inline void KnownStatesAreTold(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  for (const char* name : {"1", "2", "3"}) Take(*l, Want(name), IdOf(name));
  MustBe<Released>(l->Release(IdOf("2"), {"2", "alice", false}));
  std::map<std::string, int> told;
  CHECK(f.Open()->EachKnown([&](const StateId& id) { return ++told[id.hex()] > 0; }).ok());
  LONGS_EQUAL(1, told[IdOf("1").hex()]);
  LONGS_EQUAL(1, told[IdOf("3").hex()]);
  LONGS_EQUAL(l->Name() == "redis" ? 0 : 1, told[IdOf("2").hex()]);
  size_t calls = 0;
  CHECK(l->EachKnown([&](const StateId&) { return ++calls == 0; }).ok());
  LONGS_EQUAL(1, calls);
}

inline void CountHeldCounts(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  LONGS_EQUAL(0, Must(l->CountHeld()).all());
  for (const char* name : {"1", "2", "3"}) Take(*l, Want("a"), IdOf(name));
  LONGS_EQUAL(3, Must(f.Open()->CountHeld()).all());
  MustBe<Released>(l->Release(IdOf("2"), {"a", "alice", false}));
  LONGS_EQUAL(2, Must(f.Open()->CountHeld()).all());
}

// ---- With a clock ----

inline void NothingExpires(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  Take(*l, Want("a"));
  const int64_t taken = Must(l->Look(Id())).holder->time_ms;
  f.Advance(10LL * 365 * 24 * 60 * 60 * 1000);
  MustBe<HeldBy>(f.Open()->Acquire(Id(), Want("b"), Base7));
  CHECK(Must(l->Look(Id())).holder->time_ms == taken);
  Free(*l, "a");
}

inline void ReleasedIdIsForgottenAfterADay(LockerFixture& f) {
  std::shared_ptr<Locker> l = Fresh(f);
  Take(*l, Want("a"));
  Free(*l, "a");
  f.Advance(kReleasedIdsKeptMs - 60000);
  MustBe<WasReleased>(l->Acquire(Id(), Want("a"), Base7));
  MustBe<WasReleased>(l->Release(Id(), {"a", "alice", false}));
  f.Advance(60000);
  MustBe<NotHeld>(l->Release(Id(), {"a", "alice", false}));
  Take(*l, Want("a"));
}

}  // namespace locker_cases
}  // namespace stateward

#define LOCKER_CASES(X, G)                 \
  X(G, ServiceGetsItsIdOnce)               \
  X(G, ServiceWithoutIdGrantsNothing)      \
  X(G, FreeIsGrantedWithItsBase)           \
  X(G, BaseIsReadWhileNobodyElseCanHoldIt) \
  X(G, FailedBaseIsMadeGoodByARepeat)      \
  X(G, RepeatIsGrantedAndChangesNothing)   \
  X(G, HolderIsShownToAllOthers)           \
  X(G, InfoComesBackByteForByte)           \
  X(G, ReleaseComparesIdAndPrincipal)      \
  X(G, ReleasedIdIsRemembered)             \
  X(G, NewestReleasedIdsAreKept)           \
  X(G, ForceReleasesWhateverIsHeld)        \
  X(G, LookingLeavesNothingBehind)         \
  X(G, MarkIsTheHighestHeadThatWasTold)    \
  X(G, ForcedReleaseBurnsAtTheNextGrant)   \
  X(G, BurnNextBurnsAtTheNextGrant)        \
  X(G, ANewEpochBurnsAndForgetsTheMark)    \
  X(G, TokensOfReleasedLocksAreRemembered) \
  X(G, WithLockShowsTheHolder)             \
  X(G, WithLockHoldsStillWhereItSaysSo)    \
  X(G, HeldLocksAreTold)                   \
  X(G, KnownStatesAreTold)                 \
  X(G, CountHeldCounts)                    \
  X(G, OneOfSixtyIsGranted)                \
  X(G, SixtyStatesAreAllGranted)           \
  X(G, OneHolderAtATime)                   \
  LOCKER_FORCE_CASES(X, G)                 \
  LOCKER_GATES_CASES(X, G)
#define LOCKER_CLOCK_CASES(X, G)       \
  X(G, NothingExpires)                 \
  X(G, ReleasedIdIsForgottenAfterADay) \
  LOCKER_FORCE_CLOCK_CASES(X, G)
#define LOCKER_TEST_(G, name) \
  TEST(G, name) { ::stateward::locker_cases::name(fixture); }
#define LOCKER_CONFORMS(G)      \
  LOCKER_CASES(LOCKER_TEST_, G) \
  LOCKER_PLAN_CASES(LOCKER_TEST_, G)
#define LOCKER_CONFORMS_CLOCK(G)      \
  LOCKER_CLOCK_CASES(LOCKER_TEST_, G) \
  LOCKER_PLAN_CLOCK_CASES(LOCKER_TEST_, G)
#define LOCKER_CONFORMS_TWO_STEPS(G) LOCKER_TWO_STEPS_CASES(LOCKER_TEST_, G)

#endif  // STATEWARD_TESTS_CONFORMANCE_LOCKER_CASES_H_
