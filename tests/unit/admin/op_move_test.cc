// mv over doubles.
#include <functional>
#include <string>
#include <vector>

#include "base/hex.h"
#include "base/sha256.h"
#include "history/forwarding.h"
#include "history/history.h"
#include "state/guard.h"
#include "state/pruner.h"
#include "unit/admin/change_fixture.h"

namespace stateward {

TEST_GROUP_BASE(Moves, ChangeFixture){};

TEST(Moves, AMovedStateTakesItsHistoryAlong) {
  ThreeApplies();
  Result<Reply> moved = Run("mv", root, With({{"to", "net/new"}, {"reason", "tidy"}}));
  CHECK(moved.ok());
  STRCMP_EQUAL("net/new", TextIn("mv", moved->rows[0], "moved_to").c_str());
  // The old address names the new one, whatever clients do.
  StateAnswer answer = service->Get(grant);
  Is(Code::kConflict, answer.status.code());
  STRCMP_CONTAINS("net/new", answer.hint.c_str());
  Is(Code::kConflict, Put(State("4", "4")));
  Is(Code::kConflict, Delete());
  answer = service->Lock(grant, Info("a", "OperationTypeApply"));
  Is(Code::kConflict, answer.status.code());
  STRCMP_CONTAINS("net/new", answer.holder.c_str());
  CHECK_FALSE(answer.locked);
  CHECK_FALSE(Locked());
  CHECK(Run("mv", root, With({{"to", "net/new"}})).ok());  // a repeat
  // The forwarding record is all that is left.
  LONGS_EQUAL(1, storage.Versions(Id())->size());
  CHECK(!Run("mv", root, With({{"to", "net/other"}})).ok());
  grant = GrantOf(root, {"", "net", "new"});
  Holds(State("3", "3"));
  for (const char* n : {"1", "2", "3"}) {
    Result<Reply> one = Run("get", root, {{"state", "net/new"}, {"version", n}});
    CHECK(one.ok());
    CHECK(one->document == State(n, n));
  }
  CHECK_FALSE(Locked());
  Is(Code::kOk, Put(State("4", "4")));
}

TEST(Moves, AMovedStateTakesItsUploadsAlong) {
  ThreeApplies();
  Is(Code::kConflict, Put(State("2", "refused")));
  Is(Code::kConflict, Put(State("1", "another", "other")));
  grant = GrantOf(root, {"", "net", "other"});
  Is(Code::kOk, Put(State("2", "x")));
  Is(Code::kConflict, Put(State("1", "stays")));
  CHECK(Run("mv", root, With({{"to", "net/new"}})).ok());
  const std::vector<Row> rows = RowsOf("uploads list", root, {});
  LONGS_EQUAL(3, rows.size());
  std::string restored;
  for (const Row& row : rows) {
    const std::string state = TextIn("uploads list", row, "state");
    const std::string name = TextIn("uploads list", row, "upload");
    CHECK(state == "net/other" || state == "net/new");
    if (TextIn("uploads list", row, "lineage") == "other") restored = name;
  }
  CHECK(Run("uploads restore", root, {{"upload", restored.c_str()}}).ok());
  grant = GrantOf(root, {"", "net", "new"});
  Holds(State("1", "another", "other"));
}

TEST(Moves, AnUploadThatWasRefusedAtTheOldAddressIsTakenAlongByARepeat) {
  ThreeApplies();
  CHECK(Run("mv", root, With({{"to", "net/new"}})).ok());
  Is(Code::kConflict, Put(State("4", "late")));
  CHECK(Run("mv", root, With({{"to", "net/new"}})).ok());
  const std::vector<Row> rows = RowsOf("uploads list", root, {});
  LONGS_EQUAL(1, rows.size());
  STRCMP_EQUAL("net/new", TextIn("uploads list", rows[0], "state").c_str());
  const std::string name = TextIn("uploads list", rows[0], "upload");
  CHECK(Run("uploads restore", root, {{"upload", name.c_str()}}).ok());
  grant = GrantOf(root, {"", "net", "new"});
  Holds(State("4", "late"));
}

TEST(Moves, AMoveWantsAFreeTargetAndNoLock) {
  ThreeApplies();
  const Grant old = grant;
  grant = GrantOf(root, {"", "net", "there"});
  Is(Code::kOk, Put(State("1", "there")));
  Is(Code::kOk, Delete());  // its history is one, too
  grant = GrantOf(root, {"", "net", "taken"});
  Is(Code::kOk, Lock("ci-job"));
  grant = old;
  Result<Reply> there = Run("mv", root, With({{"to", "net/there"}}));
  CHECK(!there.ok());
  STRCMP_EQUAL("there is a state net/there already", there.status().detail().c_str());
  Result<Reply> taken = Run("mv", root, With({{"to", "net/taken"}}));
  CHECK(taken.ok() && !taken->holder.empty());
  CHECK_FALSE(Locked());
  Is(Code::kOk, Lock("ci-job"));
  Result<Reply> held = Run("mv", root, With({{"to", "net/new"}}));
  CHECK(held.ok() && !held->holder.empty());
  Holds(State("3", "3"));
}

// Its client lost the connection and asked again: the second run meets the locks of the first.
TEST(Moves, ARunThatFailsFreesNoLockOfAnother) {
  ThreeApplies();
  const Grant old = grant;
  const Grant next = GrantOf(root, {"", "net", "new"});
  const std::string seed =
      StateId::Of(old.key).hex() + ":" + StateId::Of(next.key).hex() + ":" + std::to_string(3);
  const std::string id =
      "change-" + HexEncode(Sha256(std::string(kOperationMove) + ":" + seed)).substr(0, 32);
  for (const Grant& each : {old, next}) {
    grant = each;
    Is(Code::kOk, Lock(id));
  }
  grant = old;
  bool whole = false;
  for (int calls = 1; !whole; ++calls) {
    CHECK(calls < 400);
    storage.calls_left = calls;
    Result<Reply> moved = Run("mv", root, With({{"to", "net/new"}}));
    whole = moved.ok();
    storage.calls_left = 0;
    storage.down = false;
    CHECK(whole || moved.status().code() == Code::kUnavailable);
    for (const Grant& each : {old, next}) {
      grant = each;
      CHECK(whole != Locked());
    }
    grant = old;
  }
  grant = next;
  Holds(State("3", "3"));
}

TEST(Moves, WhatWasMovedIsYoungForThePruner) {
  ThreeApplies();
  STRCMP_EQUAL("pinned", Says("pin", {{"version", "1"}}).c_str());
  clock.Advance(int64_t{400} * 24 * 60 * 60 * 1000);
  CHECK(Run("mv", root, With({{"to", "net/new"}})).ok());
  HistoryRules keep;
  keep.keep = 1;
  keep.days = 0;
  const StateId id = StateId::Of({"", "net", "new"});
  LONGS_EQUAL(0, *PruneState(storage, locker, *kms, clock, keep, *admin->StoreId(), id));
  clock.Advance(kGapMs);
  LONGS_EQUAL(1, *PruneState(storage, locker, *kms, clock, keep, *admin->StoreId(), id));
}

// A write that was on its way when its lock was forced: its number was taken away, and stays taken.
TEST(Moves, AWriteThatArrivesAfterTheMoveFindsItsNumberTaken) {
  locker.still = false;
  storage.late = true;
  clock.Advance(kGapMs);
  ThreeApplies();
  clock.Advance(kGapMs);
  Is(Code::kOk, Lock("a"));
  storage.next_append = MemStorage::NextAppend::kLateAndDown;
  Is(Code::kUnavailable, Put(State("4", "late"), "a"));
  storage.down = false;
  Is(Code::kOk, Unlock(""));
  CHECK(Run("mv", root, With({{"to", "net/new"}})).ok());
  CHECK_FALSE(storage.Arrive().appended);
  // What is older than a write may be late is gone.
  LONGS_EQUAL(2, storage.Versions(Id())->size());
  STRCMP_EQUAL("conflict", Get().c_str());
  CHECK(Run("mv", root, With({{"to", "net/new"}})).ok());
  LONGS_EQUAL(2, storage.Versions(Id())->size());
  clock.Advance(kGapMs);
  CHECK(Run("mv", root, With({{"to", "net/new"}})).ok());
  LONGS_EQUAL(1, storage.Versions(Id())->size());
}

TEST(Moves, AYoungVersionLeavesNoDocumentAtTheOldAddress) {
  locker.still = false;
  ThreeApplies();
  CHECK(Run("mv", root, With({{"to", "net/new"}})).ok());
  const History history(storage, *kms, *admin->StoreId());
  for (uint64_t n : {1, 2, 3}) {
    Result<Opened> left = history.Open(Id(), n);
    CHECK(left.ok() && left->info.version.kind == RecordKind::kMoved);
    LONGS_EQUAL(0, left->document.size());
  }
  STRCMP_EQUAL("conflict", Get().c_str());
  grant = GrantOf(root, {"", "net", "new"});
  Holds(State("3", "3"));
}

TEST(Moves, ANumberThatWasTakenAboveTheForwardingRecordDoesNotHideIt) {
  ThreeApplies();
  CHECK(Run("mv", root, With({{"to", "net/new"}})).ok());
  VersionInfo info;
  info.time_ms = clock.NowMs();
  CHECK(TakeNextNumber(History(storage, *kms, *admin->StoreId()), grant.key, Id(), info).ok());
  STRCMP_EQUAL("conflict", Get().c_str());
  CHECK(Run("mv", root, With({{"to", "net/new"}})).ok());
  STRCMP_EQUAL("conflict", Get().c_str());
  LONGS_EQUAL(2, storage.Versions(Id())->size());
}

TEST(Moves, WhileBothAddressesShowItBothStayLocked) {
  ThreeApplies();
  const Grant old = grant;
  const Grant next = GrantOf(root, {"", "net", "new"});
  const auto locked = [&] {
    std::string which;
    for (const Grant& each : {old, next}) {
      grant = each;
      which += Locked() ? "locked " : "free ";
    }
    grant = old;
    return which;
  };
  // Nothing is to be seen yet: a failed run leaves no lock.
  storage.next_append = MemStorage::NextAppend::kFails;
  CHECK_FALSE(Run("mv", root, With({{"to", "net/new"}})).ok());
  STRCMP_EQUAL("free free ", locked().c_str());
  storage.Damage(Id(), 3);
  CHECK_FALSE(Run("mv", root, With({{"to", "net/new"}})).ok());
  STRCMP_EQUAL("free free ", locked().c_str());
  storage.Damage(Id(), 3);  // the bit turns back
  // The numbers of the new address are taken: the next record is the forwarding one.
  for (MemStorage::NextAppend last :
       {MemStorage::NextAppend::kFails, MemStorage::NextAppend::kArrivesLate}) {
    storage.next_append = last;
    Result<Reply> failed = Run("mv", root, With({{"to", "net/new"}}));
    CHECK_FALSE(failed.ok());
    STRCMP_CONTAINS("both addresses may show it", failed.status().detail().c_str());
    STRCMP_CONTAINS("run it again", failed.status().detail().c_str());
    STRCMP_EQUAL("locked locked ", locked().c_str());
  }
  Result<Reply> moved = Run("mv", root, With({{"to", "net/new"}}));
  STRCMP_EQUAL("", moved.ok() ? moved->holder.c_str() : moved.status().detail().c_str());
  STRCMP_EQUAL("free free ", locked().c_str());
  STRCMP_EQUAL("conflict", Get().c_str());
  grant = next;
  Holds(State("3", "3"));
}

// The move is broken off, somebody frees its locks, and a client goes on at one of the addresses: a
// repeat ends it there.
TEST(Moves, AClientMayGoOnAtEitherAddressAfterAMoveThatWasBrokenOff) {
  for (const bool at_the_old : {true, false}) {
    bool whole = false;
    int both = 0;
    for (int calls = 1; !whole; ++calls) {
      CHECK(calls < 400);
      const std::string number = std::to_string(calls) + (at_the_old ? "a" : "b");
      const Grant old = GrantOf(root, {"", "net", "from" + number});
      const Grant next = GrantOf(root, {"", "net", "to" + number});
      const std::string from_text = "net/from" + number;
      const std::string to_text = "net/to" + number;
      grant = old;
      ThreeApplies();
      const std::vector<Given> given = {{"state", from_text.c_str()}, {"to", to_text.c_str()}};
      storage.calls_left = calls;
      whole = Run("mv", root, given).ok();
      storage.calls_left = 0;
      storage.down = false;
      for (const Grant& each : {old, next}) {
        grant = each;
        const auto view = locker.Look(StateId::Of(grant.key));
        if (view->holder) CHECK(service->Unlock(grant, {}, view->holder->id).status.ok());
      }
      const std::string third(ByteView(State("3", "3")).AsString());
      grant = old;
      const bool here = Get() == third;
      grant = next;
      if (!here || Get() != third) continue;  // one of them alone is there
      ++both;
      grant = at_the_old ? old : next;
      Is(Code::kOk, Put(State("4", "4")));
      Is(Code::kOk, Put(State("5", "5")));
      Result<Reply> moved = Run("mv", root, given);
      STRCMP_EQUAL("", moved.ok() ? moved->holder.c_str() : moved.status().detail().c_str());
      grant = old;
      STRCMP_EQUAL("conflict", Get().c_str());
      LONGS_EQUAL(1, storage.Versions(Id())->size());
      grant = next;
      Holds(State("5", "5"));
      CHECK_FALSE(Locked());
      for (uint64_t n = 1; n <= 5; ++n) {
        const std::string text = std::to_string(n);
        Result<Reply> one =
            Run("get", root, {{"state", to_text.c_str()}, {"version", text.c_str()}});
        CHECK(one.ok());
        CHECK(one->document == State(text, text));
      }
    }
    CHECK(both > 0);
  }
}

// A second run comes between two calls of the first one, and goes to its end: it shares the locks.
TEST(Moves, TwoRunsOfOneMoveLoseNothing) {
  for (const bool late_writes : {false, true}) {
    locker.still = !late_writes;
    bool apart = false;
    for (int calls = 1; !apart; ++calls) {
      CHECK(calls < 400);
      const std::string number = std::to_string(calls) + (late_writes ? "l" : "");
      const Grant old = GrantOf(root, {"", "net", "from" + number});
      const Grant next = GrantOf(root, {"", "net", "to" + number});
      const std::string from_text = "net/from" + number;
      const std::string to_text = "net/to" + number;
      grant = old;
      ThreeApplies();
      Is(Code::kConflict, Put(State("2", "refused")));
      const std::vector<Given> given = {{"state", from_text.c_str()}, {"to", to_text.c_str()}};
      bool second_came = false;
      storage.calls_left = calls;
      std::function<void()> second_comes = [&] {
        // It would wait for the lock.
        if (locker.in_step) {
          storage.calls_left = 1;
          storage.at_last_call = second_comes;
          return;
        }
        second_came = true;
        Result<Reply> second = Run("mv", root, given);
        STRCMP_EQUAL("", second.ok() ? second->holder.c_str() : second.status().detail().c_str());
      };
      storage.at_last_call = second_comes;
      Result<Reply> first = Run("mv", root, given);
      apart = !second_came;
      storage.calls_left = 0;
      storage.at_last_call = nullptr;
      const std::string said =
          std::to_string(calls) + ": " + (first.ok() ? first->holder : first.status().detail());
      CHECK_TEXT(first.ok() || first.status().code() == Code::kUnavailable, said.c_str());
      CHECK_TEXT(Run("mv", root, given).ok(), said.c_str());
      STRCMP_EQUAL_TEXT("conflict", Get().c_str(), said.c_str());
      CHECK_FALSE_TEXT(Locked(), said.c_str());
      grant = next;
      Holds(State("3", "3"));
      CHECK_FALSE_TEXT(Locked(), said.c_str());
      for (uint64_t n = 1; n <= 3; ++n) {
        const std::string text = std::to_string(n);
        Result<Reply> one =
            Run("get", root, {{"state", to_text.c_str()}, {"version", text.c_str()}});
        CHECK_TEXT(one.ok() && one->document == State(text, text), said.c_str());
      }
      LONGS_EQUAL(1, RowsOf("uploads list", root, {{"glob", to_text.c_str()}}).size());
    }
  }
}

namespace {

// A copy of net/prod lies at net/new, as an import of the same state there made it.
void MakeTwin(ChangeFixture& f, bool begun) {
  const History history(f.storage, *f.kms, *f.admin->StoreId());
  const StateKey key{"", "net", "new"};
  const StateId id = StateId::Of(key);
  Result<Opened> newest = history.Open(f.Id(), 3);
  CHECK(newest.ok());
  newest->info.key = key;
  Bytes sealed;
  CHECK(history.Append(id, 0, newest->info, newest->document, &sealed)->appended);
  if (begun) CHECK(f.storage.ClaimLegacy(MoveClaim(id), f.Id()).ok());
}

}  // namespace

TEST(Moves, ATwinIsNoCopy) {
  ThreeApplies();
  MakeTwin(*this, false);
  Result<Reply> moved = Run("mv", root, With({{"to", "net/new"}}));
  CHECK_FALSE(moved.ok());
  STRCMP_EQUAL("there is a state net/new already", moved.status().detail().c_str());
  LONGS_EQUAL(3, storage.Versions(Id())->size());
  CHECK_FALSE(Locked());
}

TEST(Moves, AnAddressOfAnotherMoveStaysFreeOfLocks) {
  ThreeApplies();
  MakeTwin(*this, false);
  CHECK(storage
            .ClaimLegacy(MoveClaim(StateId::Of({"", "net", "new"})),
                         StateId::Of({"", "net", "third"}))
            .ok());
  CHECK_FALSE(Run("mv", root, With({{"to", "net/new"}})).ok());
  CHECK_FALSE(Locked());
  grant = GrantOf(root, {"", "net", "new"});
  CHECK_FALSE(Locked());
}

// The lock is forced while a move copies, and somebody else's state comes to the new address.
TEST(Moves, AnothersStateAtTheNewAddressIsNotForwardedTo) {
  ThreeApplies();
  MakeTwin(*this, true);
  const Grant old = grant;
  grant = GrantOf(root, {"", "net", "new"});
  Is(Code::kOk, Delete());
  Is(Code::kOk, Put(State("1", "another", "other")));
  grant = old;
  CHECK_FALSE(Run("mv", root, With({{"to", "net/new"}})).ok());
  Holds(State("3", "3"));
  LONGS_EQUAL(3, storage.Versions(Id())->size());
  // Nor are the copies left to those who may read what is there now.
  grant = GrantOf(root, {"", "net", "new"});
  Holds(State("1", "another", "other"));
  const History history(storage, *kms, *admin->StoreId());
  Result<Opened> copy = history.Open(Id(), 1);
  CHECK(copy.ok() && copy->info.version.kind == RecordKind::kNoOp && copy->document.empty());
}

TEST(Moves, WhatWasPurgedOrPinnedSinceIsSoAtTheNewAddress) {
  bool whole = false;
  int both = 0;
  for (int calls = 1; !whole; ++calls) {
    CHECK(calls < 400);
    const std::string number = std::to_string(calls);
    const std::string from_text = "net/from" + number;
    const std::string to_text = "net/to" + number;
    const Grant old = GrantOf(root, {"", "net", "from" + number});
    const Grant next = GrantOf(root, {"", "net", "to" + number});
    grant = old;
    ThreeApplies();
    const std::vector<Given> given = {{"state", from_text.c_str()}, {"to", to_text.c_str()}};
    storage.calls_left = calls;
    whole = Run("mv", root, given).ok();
    storage.calls_left = 0;
    storage.down = false;
    if (whole || Get() == "conflict") continue;
    for (const Grant& each : {old, next}) {
      grant = each;
      const auto view = locker.Look(StateId::Of(grant.key));
      if (view->holder) CHECK(service->Unlock(grant, {}, view->holder->id).status.ok());
    }
    const std::vector<Given> first = {{"state", from_text.c_str()}, {"version", "1"}};
    std::vector<Given> purge = first;
    purge.push_back({"reason", "a password"});
    Result<Reply> gone = Run("purge", root, purge);
    STRCMP_EQUAL("", gone.ok() ? gone->holder.c_str() : gone.status().detail().c_str());
    CHECK(Run("pin", root, {{"state", from_text.c_str()}, {"version", "2"}}).ok());
    CHECK(Run("mv", root, given).ok());
    ++both;
    grant = next;
    Holds(State("3", "3"));
    const History history(storage, *kms, *admin->StoreId());
    Result<SealedInfo> purged = history.Info(Id(), 1);
    CHECK(purged.ok() && purged->version.kind == RecordKind::kPurged);
    Result<SealedInfo> pinned = history.Info(Id(), 2);
    CHECK(pinned.ok() && pinned->version.pinned);
  }
  CHECK(both > 0);
}

TEST(Moves, ARefusedMoveLeavesTheNameForOthers) {
  ThreeApplies();
  storage.DamageFront(Id(), 1);
  Result<Reply> refused = Run("mv", root, With({{"to", "net/new"}}));
  CHECK_FALSE(refused.ok());
  STRCMP_CONTAINS("version 1 cannot be read", refused.status().detail().c_str());
  Is(Code::kOk, Lock("ci-job"));
  Result<Reply> held = Run("mv", root, With({{"to", "net/newer"}}));
  CHECK(held.ok() && !held->holder.empty());
  grant = GrantOf(root, {"", "net", "other"});
  Is(Code::kOk, Put(State("1", "other")));
  Result<Reply> moved = Run("mv", root, {{"state", "net/other"}, {"to", "net/new"}});
  STRCMP_EQUAL("", moved.ok() ? "" : moved.status().detail().c_str());
  grant = GrantOf(root, {"", "net", "third"});
  Is(Code::kOk, Put(State("1", "third")));
  CHECK(Run("mv", root, {{"state", "net/third"}, {"to", "net/newer"}}).ok());
}

TEST(Moves, AMoveThatWasBrokenOffLeavesBothWholeAndEndsWhenRepeated) {
  bool whole = false;
  for (int calls = 1; !whole; ++calls) {
    CHECK(calls < 400);
    const std::string from = "from" + std::to_string(calls);
    const std::string to = "to" + std::to_string(calls);
    const Grant old = GrantOf(root, {"", "net", from});
    const Grant next = GrantOf(root, {"", "net", to});
    const std::string from_text = "net/" + from;
    const std::string to_text = "net/" + to;
    grant = old;
    ThreeApplies();
    Is(Code::kConflict, Put(State("2", "refused")));
    const std::vector<Given> given = {{"state", from_text.c_str()}, {"to", to_text.c_str()}};
    storage.calls_left = calls;
    whole = Run("mv", root, given).ok();
    storage.calls_left = 0;
    storage.down = false;
    // Each address has all of it, or none of it.
    const std::string document(ByteView(State("3", "3")).AsString());
    grant = old;
    const std::string here = Get();
    grant = next;
    const std::string there = Get();
    CHECK(here == document || (here == "conflict" && there == document));
    CHECK(there == document || there == "not_found");
    // Nothing is left below a gap: it could be taken for the newest.
    grant = old;
    const std::vector<uint64_t> left = *storage.Versions(Id());
    LONGS_EQUAL(left.size() - 1, left.front() - left.back());
    grant = next;
    CHECK(Run("mv", root, given).ok());
    Holds(State("3", "3"));
    CHECK_FALSE(Locked());
    CHECK_FALSE(locker.Look(StateId::Of(old.key))->holder.has_value());
    LONGS_EQUAL(3, HeadOf());
    for (uint64_t n : {1, 2, 3}) {
      const std::string text = std::to_string(n);
      Result<Reply> one = Run("get", root, {{"state", to_text.c_str()}, {"version", text.c_str()}});
      CHECK(one.ok());
      CHECK(one->document == State(text, text));
    }
    Is(Code::kOk, Put(State("4", "4")));
    grant = old;
    STRCMP_EQUAL("conflict", Get().c_str());
    LONGS_EQUAL(1, storage.Versions(Id())->size());
    const std::vector<Row> kept = RowsOf("uploads list", root, {{"glob", to_text.c_str()}});
    LONGS_EQUAL(1, kept.size());
    LONGS_EQUAL(calls, storage.ListUploads()->size());
  }
}

}  // namespace stateward
