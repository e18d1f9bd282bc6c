// A store moves to another place, with a run killed at every call: never both are open, and the
// next run comes to the end.
#include "moving/store_copier.h"

#include <CppUTest/TestHarness.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "auth/policy_auth.h"
#include "doubles/tool_world.h"
#include "stateward/closed_store.h"

namespace stateward {
namespace {

// Counts the calls about the identity file, too.
class CountedStorage : public MemStorage {
 public:
  Result<StoreIdentity> ReadIdentity() override {
    Step();
    return MemStorage::ReadIdentity();
  }
  Status WriteIdentity(const StoreIdentity& identity, const StoreIdentity* replaces) override {
    Step();
    return MemStorage::WriteIdentity(identity, replaces);
  }

 private:
  void Step() {
    if (calls_left > 0 && --calls_left == 0) down = true;
  }
};

Grant On(const std::string& name) {
  return IdentifiedGrant({"", "net", name}, {Rights::All(), false, {}});
}

struct World : ToolWorld {
  CountedStorage* from = nullptr;
  CountedStorage to;
  MemLocker to_locks{clock};
  std::unique_ptr<Kms> to_kms;  // instead of the source's
  std::function<void()> while_settling;
  std::function<void()> while_waiting;
  std::function<void(uint64_t, uint64_t)> progress;

  World() {
    auto counted = std::make_unique<CountedStorage>();
    from = counted.get();
    storage = from;
    b.storage = std::move(counted);
    gate = std::make_unique<StoreGate>(*b.storage, *b.locker);
    CHECK(gate->Init(false, *b.kms).ok());
    store_id = (*gate->Store())->store_id;
    auto server = Serve(true);
    for (uint64_t serial = 1; serial <= 3; ++serial) {
      CHECK(server->Put(On("a"), "", Text(TestDocument(serial))).status.ok());
    }
    CHECK(server->Put(On("b"), "", Text(TestDocument(1))).status.ok());
    CHECK(from->Prune(StateId::Of(On("a").key), 1).ok());
    from->legacy[std::string(64, 'e')] = Bytes{1, 2, 3};
    CHECK(from->ClaimLegacy(std::string(64, 'c'), StateId::Of(On("b").key)).ok());
    KeptUpload upload{std::string(32, '1'), std::string(32, '2'), StateId::Of(On("b").key), 7, 3};
    CHECK(from->PutUpload(upload, Bytes{7, 8, 9}).ok());
  }
  StoreCopier Copier(int64_t wait_ms = 0) {
    return StoreCopier({*from, *b.locker, to, to_locks, to_kms ? *to_kms : *b.kms, "mem from",
                        "mem to", 1, wait_ms,
                        [this](int64_t ms) {
                          auto& hook = ms == 1 ? while_settling : while_waiting;
                          if (hook) hook();
                        },
                        [](const std::string&) {}, progress});
  }
  StoreCopier CopierBack() {
    return StoreCopier({to,
                        to_locks,
                        *from,
                        *b.locker,
                        *b.kms,
                        "mem to",
                        "mem from",
                        1,
                        0,
                        [](int64_t) {},
                        [](const std::string&) {},
                        {}});
  }
  // A newer record of a state, as a server wrote it that did not know of the other place.
  static void Write(World& w, Storage& place, const std::string& name) {
    const History history(place, *w.b.kms, w.store_id);
    const StateId id = StateId::Of(On(name).key);
    SealedInfo info;
    info.key = On(name).key;
    info.version.time_ms = w.clock.NowMs();
    const SecretBytes document = Text(TestDocument(9));
    info.version.size = document.size();
    info.version.sha256 = Sha256(document);
    Bytes sealed;
    const Result<AppendOutcome> done = history.Append(id, *place.Head(id), info, document, &sealed);
    STRCMP_EQUAL("", done.ok() ? "" : done.status().detail().c_str());
  }
  bool IsOpen(Storage& place, Locker& locks) { return StoreGate(place, locks).Store().ok(); }
  void Revive() {
    for (MemStorage* place : {static_cast<MemStorage*>(from), static_cast<MemStorage*>(&to)}) {
      place->calls_left = 0;
      place->down = false;
    }
  }
  void CheckMoved(const std::string& text) {
    CHECK_TEXT(IsOpen(to, to_locks), text.c_str());
    CHECK_FALSE_TEXT(IsOpen(*from, *b.locker), text.c_str());
    STRCMP_EQUAL("moved to mem to", WhyClosed(*from->ReadIdentity()).c_str());
    const StateId a = StateId::Of(On("a").key);
    CHECK_TEXT((*to.Versions(a) == std::vector<uint64_t>{3, 2}), text.c_str());
    for (uint64_t n : {uint64_t{2}, uint64_t{3}}) CHECK(*to.Get(a, n) == *from->Get(a, n));
    CHECK(*to.GetLegacy(std::string(64, 'e')) == (Bytes{1, 2, 3}));
    CHECK((*to.LegacyClaim(std::string(64, 'c')))->hex() == StateId::Of(On("b").key).hex());
    LONGS_EQUAL(1, to.ListUploads()->size());
    CHECK(*to.GetUpload(to.ListUploads()->front()) == (Bytes{7, 8, 9}));
    // And it works there: the new epoch takes a number away first.
    StoreGate gate_there(to, to_locks);
    StateRules rules;
    rules.hold_names = false;
    StateService there(to, to_locks, *b.kms, gate_there, clock, observer, log, rules);
    CHECK(ByteView(there.Get(On("a")).document) == ByteView(TestDocument(3)));
    CHECK(there.Lock(On("a"), Text(R"({"ID":"x"})")).status.ok());
    CHECK(there.Put(On("a"), "x", Text(TestDocument(4))).status.ok());
  }
};

}  // namespace

TEST_GROUP(StoreCopier){};

TEST(StoreCopier, KilledAnywhereNeverBothAreOpenAndAnotherRunEnds) {
  for (bool at_source : {true, false}) {
    bool ended = false;
    for (int calls = 1; !ended; ++calls) {
      World w;
      MemStorage& place = at_source ? static_cast<MemStorage&>(*w.from) : w.to;
      place.calls_left = calls;
      ended = w.Copier().Run().ok() && !place.down;
      w.Revive();
      const std::string text = std::string(at_source ? "source" : "target") + " gone after " +
                               std::to_string(calls) + " calls";
      const bool here = w.IsOpen(*w.from, *w.b.locker);
      const bool there = w.IsOpen(w.to, w.to_locks);
      CHECK_TEXT(!(here && there), text.c_str());
      Result<PassCounts> second = w.Copier().Run();
      STRCMP_EQUAL_TEXT("", second.ok() ? "" : second.status().detail().c_str(), text.c_str());
      w.CheckMoved(text);
    }
  }
}

TEST(StoreCopier, HeldLocksAreNamedAndNothingIsClosed) {
  World w;
  auto server = w.Serve(true);
  CHECK(server->Lock(On("a"), Text(R"({"ID":"a-lock"})")).status.ok());
  Result<PassCounts> refused = w.Copier().Run();
  LONGS_EQUAL(static_cast<int>(Code::kLocked), static_cast<int>(refused.status().code()));
  const std::string said = refused.status().detail();
  STRCMP_CONTAINS("1 lock is held; nothing was closed: net/a (held by ", said.c_str());
  STRCMP_CONTAINS("with the lock ID a-lock)", said.c_str());
  CHECK(w.IsOpen(*w.from, *w.b.locker));
  CHECK_FALSE(w.IsOpen(w.to, w.to_locks));
  // It is waited for.
  w.while_waiting = [&] { (void)server->Unlock(On("a"), Text(R"({"ID":"a-lock"})"), ""); };
  CHECK(w.Copier(5000).Run().ok());
  w.CheckMoved("after the lock");
}

TEST(StoreCopier, ALockOfTheLastMomentOpensTheSourceAgain) {
  World w;
  w.while_settling = [&] {
    const BaseFn base = [](const BaseAsk&) -> Result<uint64_t> { return uint64_t{3}; };
    LockRecord want;
    want.id = "late";
    // Of a state without a record nothing says the name: its whole id is named.
    CHECK(w.b.locker->Acquire(StateId::Of(On("unwritten").key), want, base).ok());
    w.while_settling = nullptr;
  };
  Result<PassCounts> refused = w.Copier().Run();
  LONGS_EQUAL(static_cast<int>(Code::kLocked), static_cast<int>(refused.status().code()));
  STRCMP_CONTAINS(("state " + StateId::Of(On("unwritten").key).hex() + " (").c_str(),
                  refused.status().detail().c_str());
  CHECK(w.IsOpen(*w.from, *w.b.locker));
  CHECK_FALSE(w.IsOpen(w.to, w.to_locks));
}

TEST(StoreCopier, WhatAServerWritesUntilItKnowsComesAlong) {
  World w;
  auto server = w.Serve(true);
  // A server that has not seen yet that the source is closed, and a rekey that was here before.
  w.while_settling = [&] {
    const StateId a = StateId::Of(On("a").key);
    const History history(*w.from, *w.b.kms, w.store_id);
    Result<Opened> opened = history.Open(a, 2);
    CHECK(opened.ok());
    CHECK(history.Replace(a, 2, Sha256(*w.from->Get(a, 2)), opened->info, opened->document).ok());
    Bytes sealed;
    SealedInfo info = opened->info;
    CHECK(history.Append(StateId::Of(On("b").key), 1, info, opened->document, &sealed).ok());
  };
  CHECK(w.Copier().Run().ok());
  w.while_settling = nullptr;
  w.CheckMoved("late writes");
  LONGS_EQUAL(2, *w.to.Head(StateId::Of(On("b").key)));
}

TEST(StoreCopier, WhatComesWhileTheLastPassRunsComesAlong) {
  World w;
  bool closed = false;
  w.while_settling = [&] { closed = true; };
  w.progress = [&](uint64_t done, uint64_t total) {
    if (!closed || done < total) return;  // its states are copied
    closed = false;
    const History history(*w.from, *w.b.kms, w.store_id);
    const StateId b = StateId::Of(On("b").key);
    Result<Opened> opened = history.Open(b, 1);
    CHECK(opened.ok());
    Bytes sealed;
    CHECK(history.Append(b, 1, opened->info, opened->document, &sealed).ok());
  };
  CHECK(w.Copier().Run().ok());
  w.CheckMoved("while the last pass ran");
  LONGS_EQUAL(2, *w.to.Head(StateId::Of(On("b").key)));
}

TEST(StoreCopier, GivenUpTheSourceIsOpenAgain) {
  World w;
  w.while_settling = [&] { w.to.down = true; };
  CHECK_FALSE(w.Copier().Run().ok());
  w.while_settling = nullptr;
  CHECK_FALSE(w.IsOpen(*w.from, *w.b.locker));
  STRCMP_CONTAINS("--give-up", StoreGate(*w.from, *w.b.locker).Store().status().detail().c_str());
  w.Revive();
  STRCMP_CONTAINS("`statewardctl copy` opens it",
                  StoreGate(w.to, w.to_locks).Store().status().detail().c_str());
  // Nobody opens it in another way.
  StoreGate gate(*w.from, *w.b.locker);
  LONGS_EQUAL(static_cast<int>(Code::kConflict),
              static_cast<int>(gate.Init(true, *w.b.kms).code()));
  CHECK(w.Copier().GiveUp().ok());
  CHECK(w.IsOpen(*w.from, *w.b.locker));
  CHECK(w.Copier().Run().ok());
  w.CheckMoved("after all");
  CHECK_FALSE(w.Copier().GiveUp().ok());
}

TEST(StoreCopier, ATargetWithOtherKeysIsRefusedBeforeAnythingIsMade) {
  World w;
  KmsSettings settings;
  settings.key = SecretString("B" + std::string(kToolWorldKey).substr(1));
  w.to_kms = std::move(*OpenKms(settings));
  Result<PassCounts> refused = w.Copier().Run();
  LONGS_EQUAL(static_cast<int>(Code::kInvalidArgument), static_cast<int>(refused.status().code()));
  CHECK(w.IsOpen(*w.from, *w.b.locker));
  LONGS_EQUAL(static_cast<int>(Code::kNotFound),
              static_cast<int>(w.to.ReadIdentity().status().code()));
  w.to_kms.reset();
  CHECK(w.Copier().Run().ok());
  w.CheckMoved("with the keys");
}

// The first command once more, by a script or from a shell's memory: the target has moved on.
TEST(StoreCopier, ATargetThatWasClosedSinceIsNotOpened) {
  for (const char* why : {"moved to mem third", "being moved to mem third; was memory 0",
                          "restored from backup 1", "being copied from mem other"}) {
    World w;
    CHECK(w.Copier().Run().ok());
    CHECK(w.Copier().Run().ok());  // a repeat, while it is there
    const StoreIdentity there = *w.to.ReadIdentity();
    const StoreIdentity closed = ClosedStore(there, why);
    CHECK(w.to.WriteIdentity(closed, &there).ok());
    Result<PassCounts> again = w.Copier().Run();
    CHECK_FALSE_TEXT(again.ok(), why);
    LONGS_EQUAL_TEXT(static_cast<int>(Code::kConflict), static_cast<int>(again.status().code()),
                     why);
    STRCMP_EQUAL((std::string("the target is closed: ") + why).c_str(),
                 again.status().detail().c_str());
    CHECK(*w.to.ReadIdentity() == closed);
  }
}

TEST(StoreCopier, KilledAnywhereACopyBackEndsAndTheFirstWayIsNotGoneAgain) {
  bool ended = false;
  for (int calls = 1; !ended; ++calls) {
    World w;
    CHECK(w.Copier().Run().ok());
    w.from->calls_left = calls;
    ended = w.CopierBack().Run().ok() && !w.from->down;
    w.Revive();
    const std::string text = "gone after " + std::to_string(calls) + " calls";
    const bool here = w.IsOpen(*w.from, *w.b.locker);
    // The command before it opens nothing, wherever this one was killed.
    if (!here) {
      const bool open = w.IsOpen(w.to, w.to_locks);
      (void)w.Copier().Run();
      LONGS_EQUAL_TEXT(open, w.IsOpen(w.to, w.to_locks), text.c_str());
    }
    Result<PassCounts> second = w.CopierBack().Run();
    STRCMP_EQUAL_TEXT("", second.ok() ? "" : second.status().detail().c_str(), text.c_str());
    CHECK_TEXT(w.IsOpen(*w.from, *w.b.locker), text.c_str());
    CHECK_FALSE_TEXT(w.IsOpen(w.to, w.to_locks), text.c_str());
  }
}

// The place where the store is was lost, and made anew of a backup that is older than the copy.
TEST(StoreCopier, ACopyBackMixesNoTwoHistories) {
  const StateId lost = StateId::Of(On("lost").key);
  const std::string blob(64, 'd');
  const std::vector<std::pair<std::function<void(World&)>, std::string>> cases{
      {[](World& w) { w.Write(w, *w.from, "a"); }, "of 1 state: net/a; nothing was closed;"},
      // Both went on from the same version, and the source is as far, or farther.
      {[](World& w) {
         w.Write(w, *w.from, "a");
         w.clock.Advance(60000);
         w.Write(w, w.to, "a");
       },
       "of 1 state: net/a; nothing was closed;"},
      {[](World& w) { w.Write(w, *w.from, "ghost"); }, "of 1 state: net/ghost; nothing was"},
      {[&](World& w) { CHECK(w.from->ClaimLegacy(blob, lost).ok()); }, "state " + lost.hex()},
      {[&](World& w) { w.from->legacy[blob] = Bytes{4}; }, "blob " + blob + " of terraform-"}};
  for (const auto& [only_there, named] : cases) {
    World w;
    CHECK(w.Copier().Run().ok());
    only_there(w);
    const StoreIdentity left = *w.from->ReadIdentity();
    const Result<PassCounts> back = w.CopierBack().Run();
    CHECK_TEXT(!back.ok(), named.c_str());
    LONGS_EQUAL(static_cast<int>(Code::kConflict), static_cast<int>(back.status().code()));
    STRCMP_CONTAINS(named.c_str(), back.status().detail().c_str());
    STRCMP_CONTAINS("Copy to an empty place", back.status().detail().c_str());
    CHECK(w.IsOpen(w.to, w.to_locks));
    CHECK(*w.from->ReadIdentity() == left);  // nothing was changed there
  }
}

TEST(StoreCopier, ATargetThatIsWrittenToInTheLastMomentIsNotOpened) {
  for (const char* name : {"a", "ghost"}) {
    World w;
    w.while_settling = [&] { w.Write(w, w.to, name); };
    const Result<PassCounts> done = w.Copier().Run();
    CHECK_FALSE(done.ok());
    LONGS_EQUAL(static_cast<int>(Code::kConflict), static_cast<int>(done.status().code()));
    STRCMP_CONTAINS(
        (std::string("of 1 state: net/") + name + "; the source is open again;").c_str(),
        done.status().detail().c_str());
    CHECK(w.IsOpen(*w.from, *w.b.locker));
    CHECK_FALSE(w.IsOpen(w.to, w.to_locks));
  }
}

// Nothing of that is a state that the old place alone has.
TEST(StoreCopier, ACopyBackTakesAlongWhatWasRemovedMeanwhile) {
  World w;
  CHECK(w.Copier().Run().ok());
  StoreGate there(w.to, w.to_locks);
  StateRules rules;
  rules.hold_names = false;
  StateService server(w.to, w.to_locks, *w.b.kms, there, w.clock, w.observer, w.log, rules);
  const StateId a = StateId::Of(On("a").key);
  const StateId b = StateId::Of(On("b").key);
  CHECK(server.Put(On("a"), "", Text(TestDocument(4))).status.ok());
  CHECK(server.Delete(On("b"), "").status.ok());
  for (uint64_t n : {uint64_t{2}, uint64_t{3}}) CHECK(w.to.Prune(a, n).ok());
  CHECK(w.to.Prune(b, 1).ok());
  const std::string claimed(64, 'e');
  CHECK(w.to.ClaimLegacy(claimed, b).ok());
  w.to.legacy.erase(claimed);
  CHECK(w.to.RemoveUpload(w.to.ListUploads()->front()).ok());
  const Result<PassCounts> back = w.CopierBack().Run();
  STRCMP_EQUAL("", back.ok() ? "" : back.status().detail().c_str());
  CHECK(w.IsOpen(*w.from, *w.b.locker));
  for (const StateId& id : {a, b}) CHECK(*w.from->Versions(id) == *w.to.Versions(id));
  LONGS_EQUAL(0, w.from->ListUploads()->size());
  // And to the first place again.
  CHECK(w.Copier().Run().ok());
  CHECK(w.IsOpen(w.to, w.to_locks));
}

TEST(StoreCopier, AnotherStoreIsNoTarget) {
  World w;
  StoreGate other(w.to, w.to_locks);
  CHECK(other.Init(false, *w.b.kms).ok());
  LONGS_EQUAL(static_cast<int>(Code::kConflict),
              static_cast<int>(w.Copier().Run().status().code()));
  CHECK(w.IsOpen(*w.from, *w.b.locker));
}

}  // namespace stateward
