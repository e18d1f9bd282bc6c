// mv over doubles.
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
  STRCMP_EQUAL("1 2 3", Story().c_str());
  CHECK_FALSE(Locked());
  Is(Code::kOk, Put(State("4", "4")));
}

// Who may use the old address may not use the new one.
TEST(Moves, WhatAKilledRunLeftAtTheOldAddressIsNotRead) {
  ThreeApplies();
  SealedInfo way;
  way.key = grant.key;
  way.version.kind = RecordKind::kMoved;
  way.version.moved_to = "net/new";
  way.version.serial = 3;
  Bytes sealed;
  const History history(storage, *kms, *admin->StoreId());
  CHECK(history.Append(Id(), HeadOf(), way, {}, &sealed)->appended);
  for (const std::vector<Given>& given : {With({}), With({{"version", "1"}})}) {
    const Result<Reply> read = Run("get", root, given);
    CHECK(!read.ok());
    STRCMP_CONTAINS("has the address net/new now", read.status().detail().c_str());
  }
  STRCMP_CONTAINS("not_found: the state has the address net/new now",
                  Says("diff", {{"from", "1"}, {"to", "2"}}).c_str());
  const StateAnswer answer = service->GetSerial(grant, 1);
  Is(Code::kConflict, answer.status.code());
  STRCMP_CONTAINS("net/new", answer.hint.c_str());
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

// The lock of the first run took a number away: the repeat knows it all the same.
TEST(Moves, BrokenOffAfterAForcedReleaseItLeavesNoLock) {
  locker.still = false;
  bool whole = false;
  for (int calls = 1; !whole; ++calls) {
    CHECK(calls < 400);
    const std::string from = "net/s" + std::to_string(calls);
    const std::string to = "net/t" + std::to_string(calls);
    const Grant old = GrantOf(root, {"", "net", from.substr(4)});
    const Grant next = GrantOf(root, {"", "net", to.substr(4)});
    grant = old;
    ThreeApplies();
    Is(Code::kOk, Lock("forced"));
    Is(Code::kOk, Unlock(""));
    const std::vector<Given> given = {{"state", from.c_str()}, {"to", to.c_str()}};
    storage.calls_left = calls;
    whole = Run("mv", root, given).ok();
    storage.calls_left = 0;
    storage.down = false;
    if (!whole) LONGS_EQUAL(1, RowsOf("mv", root, given).size());
    CHECK_FALSE(Locked());
    grant = next;
    CHECK_FALSE(Locked());
    Holds(State("3", "3"));
  }
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
    const StateAnswer taken = service->Lock(each, Info(id, "mv"), LockFor::kOperation);
    Is(Code::kOk, taken.status.code());
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
  // An older version, and the no-op record above it.
  LONGS_EQUAL(2, *PruneState(storage, locker, *kms, clock, keep, *admin->StoreId(), id));
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
  // After an outage another run may be at work: its client lost the connection.
  storage.next_append = MemStorage::NextAppend::kFails;
  Result<Reply> outage = Run("mv", root, With({{"to", "net/new"}}));
  CHECK_FALSE(outage.ok());
  STRCMP_CONTAINS("the locks stay", outage.status().detail().c_str());
  STRCMP_EQUAL("locked locked ", locked().c_str());
  for (const Grant& each : {old, next}) {
    grant = each;
    Is(Code::kOk, Unlock(""));
  }
  grant = old;
  // Nothing is to be seen yet: a refused run leaves no lock.
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
    STRCMP_EQUAL("1 2 3", Story().c_str());
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
