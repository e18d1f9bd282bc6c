// What is kept and what goes, over doubles: kept uploads, purge, pin.
#include <string>
#include <utility>
#include <vector>

#include "state/pruner.h"
#include "unit/admin/change_fixture.h"

namespace stateward {

TEST_GROUP_BASE(Keeps, ChangeFixture){};

TEST(Keeps, ARestoredUploadIsTheNewestVersionByteForByte) {
  ThreeApplies();
  Is(Code::kConflict, Put(State("2", "forced")));
  std::vector<Row> rows = RowsOf("uploads list", root, {});
  LONGS_EQUAL(1, rows.size());
  STRCMP_EQUAL("net/prod", TextIn("uploads list", rows[0], "state").c_str());
  const std::string name = TextIn("uploads list", rows[0], "upload");
  const std::vector<Given> upload = {{"upload", name.c_str()}};
  Result<Reply> shown = Run("uploads show", root, upload);
  CHECK(shown.ok());
  CHECK(shown->document == State("2", "forced"));
  rows = RowsOf("uploads diff", root, upload);
  LONGS_EQUAL(1, rows.size());
  STRCMP_EQUAL("changed", TextIn("uploads diff", rows[0], "change").c_str());
  Is(Code::kOk, Lock("ci-job"));
  Result<Reply> held = Run("uploads restore", root, upload);
  CHECK(held.ok() && !held->holder.empty());
  Is(Code::kOk, Unlock("ci-job"));
  rows = RowsOf("uploads restore", root, upload);
  STRCMP_EQUAL("restored", TextIn("uploads restore", rows[0], "result").c_str());
  STRCMP_EQUAL("2", TextIn("uploads restore", rows[0], "serial").c_str());
  Holds(State("2", "forced"));
  CHECK_FALSE(Locked());
  RowsOf("uploads drop", root, upload);
  LONGS_EQUAL(0, RowsOf("uploads list", root, {}).size());
  CHECK(!Run("uploads show", root, upload).ok());
}

TEST(Keeps, AnUploadOfTwoPrincipalsIsDroppedWhole) {
  ThreeApplies();
  Is(Code::kConflict, Put(State("2", "forced")));
  const Grant mine = std::exchange(grant, GrantOf(LocalCaller("ann"), {"", "net", "prod"}));
  Is(Code::kConflict, Put(State("2", "forced")));
  Is(Code::kConflict, Put(State("2", "another")));
  grant = mine;
  const std::vector<Row> rows = RowsOf("uploads list", root, {});
  LONGS_EQUAL(3, rows.size());
  const std::string twice = TextIn("uploads list", rows[1], "upload");
  const std::string name = twice == TextIn("uploads list", rows[0], "upload") ||
                                   twice == TextIn("uploads list", rows[2], "upload")
                               ? twice
                               : TextIn("uploads list", rows[0], "upload");
  RowsOf("uploads drop", root, {{"upload", name.c_str()}});
  LONGS_EQUAL(1, RowsOf("uploads list", root, {}).size());
  CHECK(!Run("uploads show", root, {{"upload", name.c_str()}}).ok());
}

TEST(Keeps, UploadsOfOthersDoNotShow) {
  ThreeApplies();
  Is(Code::kConflict, Put(State("2", "forced")));
  const std::string name = TextIn("uploads list", RowsOf("uploads list", root, {})[0], "upload");
  const Caller other = Of("app", Rights::All());
  LONGS_EQUAL(0, RowsOf("uploads list", other, {}).size());
  for (const char* what : {"uploads show", "uploads diff", "uploads restore", "uploads drop"}) {
    Result<Reply> hidden = Run(what, other, {{"upload", name.c_str()}});
    Result<Reply> absent = Run(what, other, {{"upload", "0123"}});
    CHECK(!hidden.ok() && !absent.ok());
    CHECK(hidden.status().code() == Code::kNotFound);
    CHECK(absent.status().code() == Code::kNotFound);
    Result<Reply> seen = Run(what, Of("net", {Right::kSee}), {{"upload", name.c_str()}});
    CHECK(!seen.ok() && seen.status().code() == Code::kPermissionDenied);
  }
  LONGS_EQUAL(1, Kept());
}

TEST(Keeps, APurgeRemovesEveryCopyOfADocument) {
  for (const char* serial : {"1", "2"}) Is(Code::kOk, Put(State(serial, serial)));
  Is(Code::kOk, Delete());
  Says("undelete", {});  // the same bytes once more, as version 4
  Is(Code::kOk, Put(State("3", "3")));
  Is(Code::kConflict, Put(State("2", "2")));
  LONGS_EQUAL(1, Kept());
  std::vector<Row> rows =
      RowsOf("purge", root, With({{"version", "2"}, {"reason", "leak"}, {"dry-run", "true"}}));
  LONGS_EQUAL(3, rows.size());
  CHECK(Run("get", root, With({{"version", "4"}})).ok());
  rows = RowsOf("purge", root, With({{"version", "2"}, {"reason", "leak"}}));
  LONGS_EQUAL(3, rows.size());
  for (const char* version : {"2", "4"}) {
    Result<Reply> gone = Run("get", root, With({{"version", version}}));
    CHECK(!gone.ok() && gone.status().code() == Code::kNotFound);
  }
  const History history(storage, *kms, *admin->StoreId());
  Result<Opened> left = history.Open(Id(), 2);
  CHECK(left.ok());
  CHECK(left->info.version.kind == RecordKind::kPurged);
  STRCMP_CONTAINS("purged by admin:root at ", left->info.version.note.c_str());
  STRCMP_CONTAINS(": leak", left->info.version.note.c_str());
  CHECK(left->document.empty());
  Result<Opened> upload = history.OpenUpload(storage.ListUploads()->front());
  CHECK(upload.ok());
  CHECK(upload->info.version.kind == RecordKind::kPurged);
  CHECK(upload->document.empty());
  Holds(State("3", "3"));
  CHECK(Run("get", root, With({{"version", "1"}})).ok());
  CHECK_FALSE(Locked());
}

TEST(Keeps, APurgeNamesWhatTerraformBackendWrote) {
  const std::string blob(64, 'e');
  const std::string other(64, 'f');
  for (const char* serial : {"1", "2"}) Is(Code::kOk, Put(State(serial, serial)));
  for (const std::string& name : {blob, other}) storage.legacy[name] = Bytes(9, 'x');
  CHECK(storage.ClaimLegacy(blob, Id()).ok());
  CHECK(storage.ClaimLegacy(other, StateId::Of({"", "net", "another"})).ok());
  Result<Reply> done = Run("purge", root, With({{"version", "1"}, {"reason", "leak"}}));
  CHECK(done.ok());
  STRCMP_CONTAINS(("wrote of this state (" + blob + ") stays").c_str(), done->note.c_str());
  storage.unlistable = true;
  Is(Code::kOk, Put(State("3", "3")));
  done = Run("purge", root, With({{"version", "2"}, {"reason", "leak"}, {"dry-run", "true"}}));
  CHECK(done.ok());
  STRCMP_CONTAINS("is not known: listing needs a right", done->note.c_str());
}

TEST(Keeps, APurgedUploadIsNotTakenForKept) {
  for (const char* serial : {"1", "2", "3"}) Is(Code::kOk, Put(State(serial, serial)));
  Is(Code::kConflict, Put(State("2", "2")));
  LONGS_EQUAL(1, RowsOf("purge", root, With({{"version", "2"}, {"reason", "leak"}})).size() - 1);
  LONGS_EQUAL(1, Kept());
  Is(Code::kConflict, Put(State("2", "2")));
  LONGS_EQUAL(2, Kept());
}

TEST(Keeps, WhatClientsGetIsNotPurged) {
  ThreeApplies();
  STRCMP_CONTAINS("conflict: clients get this document",
                  Says("purge", {{"version", "3"}, {"reason", "leak"}}).c_str());
  Holds(State("3", "3"));
  // What cannot be read might be a copy.
  storage.DamageFront(Id(), 1);
  STRCMP_CONTAINS("conflict: version 1 cannot be read",
                  Says("purge", {{"version", "2"}, {"reason", "leak"}}).c_str());
  CHECK(Run("get", root, With({{"version", "2"}})).ok());
}

TEST(Keeps, APurgeThatWasBrokenOffIsRepeated) {
  bool whole = false;
  for (int calls = 1; !whole; ++calls) {
    CHECK(calls < 200);
    const std::string state = "s" + std::to_string(calls);
    const std::string address = "net/" + state;
    grant = GrantOf(root, {"", "net", state});
    for (const char* serial : {"1", "2"}) Is(Code::kOk, Put(State(serial, serial)));
    Is(Code::kOk, Delete());
    CHECK(Run("undelete", root, {{"state", address.c_str()}}).ok());
    Is(Code::kOk, Put(State("3", "3")));
    const std::vector<Given> given = {
        {"state", address.c_str()}, {"version", "4"}, {"reason", "leak"}};
    whole = BreakOff(calls, "purge", given);
    Holds(State("3", "3"));
    const History history(storage, *kms, *admin->StoreId());
    const bool done = history.Info(Id(), 4)->version.kind == RecordKind::kPurged;
    if (!done) CHECK(Run("purge", root, given).ok());
    for (uint64_t n : {2, 4}) CHECK(history.Info(Id(), n)->version.kind == RecordKind::kPurged);
    CHECK(history.Info(Id(), 1)->version.kind == RecordKind::kState);
  }
}

TEST(Keeps, APinnedVersionIsNotPruned) {
  ThreeApplies();
  STRCMP_EQUAL("pinned", Says("pin", {{"version", "1"}}).c_str());
  STRCMP_CONTAINS("not_found", Says("pin", {{"version", "9"}}).c_str());
  clock.Advance(int64_t{400} * 24 * 60 * 60 * 1000);
  HistoryRules keep;
  keep.keep = 1;
  const auto prune = [&] {
    Result<uint64_t> pruned =
        PruneState(storage, locker, *kms, clock, keep, *admin->StoreId(), Id());
    CHECK(pruned.ok());
    return *pruned;
  };
  LONGS_EQUAL(1, prune());
  Result<Reply> first = Run("get", root, With({{"version", "1"}}));
  CHECK(first.ok());
  CHECK(first->document == State("1", "1"));
  STRCMP_EQUAL("unpinned", Says("unpin", {{"version", "1"}}).c_str());
  LONGS_EQUAL(1, prune());
}

// The newest versions are counted when the pruner has seen that the oldest may go.
TEST(Keeps, OneThatIsPinnedWhileThePrunerCountsIsNotPruned) {
  ThreeApplies();
  clock.Advance(int64_t{400} * 24 * 60 * 60 * 1000);
  HistoryRules keep;
  keep.keep = 2;
  bool asked = false;
  storage.after_get = [&](uint64_t n) {
    if (n == 1) {
      asked = true;
    } else if (asked) {
      storage.after_get = nullptr;
      STRCMP_EQUAL("pinned", Says("pin", {{"version", "1"}}).c_str());
    }
  };
  LONGS_EQUAL(0, *PruneState(storage, locker, *kms, clock, keep, *admin->StoreId(), Id()));
  CHECK_FALSE(bool(storage.after_get));
  CHECK(Run("get", root, With({{"version", "1"}})).ok());
}

TEST(Keeps, WhatStandsAboveAPinnedVersionIsPrunedAnHourLater) {
  ThreeApplies();
  STRCMP_EQUAL("pinned", Says("pin", {{"version", "1"}}).c_str());
  HistoryRules keep;
  keep.keep = 1;
  keep.days = 0;
  const auto pruned = [&] {
    return *PruneState(storage, locker, *kms, clock, keep, *admin->StoreId(), Id());
  };
  clock.Advance(kGapMs - 1);
  LONGS_EQUAL(0, pruned());
  clock.Advance(1);
  LONGS_EQUAL(1, pruned());
  LONGS_EQUAL(2, storage.Versions(Id())->size());
}

}  // namespace stateward
