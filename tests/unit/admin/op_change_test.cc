// diff, rollback, delete, undelete over doubles.
#include <string>
#include <vector>

#include "state/guard.h"
#include "state/pruner.h"
#include "unit/admin/admin_fixture.h"

namespace stateward {
namespace {

SecretBytes State(const std::string& serial, const std::string& value,
                  const std::string& lineage = "L") {
  return Text("{\n  \"version\": 4,\n  \"serial\" :" + serial + ",\"lineage\":\"" + lineage +
              R"(","resources":[{"mode":"managed","type":"t","name":"a","instances":[)"
              R"({"attributes":{"id":"1","x":")" +
              value + R"(","password":")" + value + R"("}}]}]})");
}

}  // namespace

TEST_GROUP_BASE(Changes, AdminFixture){std::vector<Given> With(std::vector<Given> more){
    more.insert(more.begin(), {"state", "net/prod"});
return more;
}  // namespace stateward
// What an operation says: a column of its row, the holder, or the error.
std::string Says(const char* name, std::vector<Given> given, const char* column = "result") {
  Result<Reply> reply = Run(name, root, With(std::move(given)));
  if (!reply.ok()) {
    return std::string(CodeName(reply.status().code())) + ": " + reply.status().detail();
  }
  if (!reply->holder.empty()) return "locked: " + reply->holder;
  LONGS_EQUAL(1, reply->rows.size());
  return TextIn(name, reply->rows[0], column);
}
bool Locked() { return locker.Look(StateId::Of(grant.key))->holder.has_value(); }
void ThreeApplies() {
  for (const char* serial : {"1", "2", "3"}) Is(Code::kOk, Put(State(serial, serial)));
}
}
;

TEST(Changes, RollbackChangesTheDigitsOfTheSerialAndNothingElse) {
  Is(Code::kOk, Put(State("9", "old")));
  Is(Code::kOk, Put(State("41", "new")));
  STRCMP_EQUAL("rolled back",
               Says("rollback", {{"to", "1"}, {"reason", "broken \"apply\""}}).c_str());
  Holds(State("42", "old"));
  Result<Opened> record = History(storage, *kms, *admin->StoreId()).Open(Id(), 3);
  CHECK(record.ok());
  STRCMP_EQUAL("broken \"apply\"", record->info.version.note.c_str());
  STRCMP_EQUAL("rollback", record->info.version.operation.c_str());
  STRCMP_EQUAL("admin:root", record->info.version.writer.c_str());
  CHECK_FALSE(Locked());
  // The next client's apply is taken.
  Is(Code::kOk, Put(State("43", "next")));
}

TEST(Changes, RollbackOfALockedStateShowsTheHolder) {
  ThreeApplies();
  Is(Code::kOk, Lock("ci-job"));
  STRCMP_CONTAINS("ci-job", Says("rollback", {{"to", "1"}}).c_str());
  STRCMP_CONTAINS("locked: ", Says("delete", {}).c_str());
  Holds(State("3", "3"));
  CHECK(Locked());
}

TEST(Changes, RollbackWantsToBeToldOfAnotherLineage) {
  Is(Code::kOk, Put(State("7", "one", "A")));
  Is(Code::kOk, Delete());
  Is(Code::kOk, Put(State("1", "two", "B")));
  STRCMP_CONTAINS("conflict: version 1 has another lineage",
                  Says("rollback", {{"to", "1"}}).c_str());
  STRCMP_EQUAL("2", Says("rollback", {{"to", "1"}, {"lineage-changes", "true"}}, "serial").c_str());
  Holds(State("2", "one", "A"));
}

TEST(Changes, RollbackOfADeletedState) {
  ThreeApplies();
  Is(Code::kOk, Delete());
  STRCMP_EQUAL("4", Says("rollback", {{"to", "1"}}, "serial").c_str());
  Holds(State("4", "1"));
}

TEST(Changes, RollbackOfADamagedStateGoesOnAboveTheLargestSerial) {
  ThreeApplies();
  storage.DamageFront(Id(), 3);
  STRCMP_EQUAL("3", Says("rollback", {{"to", "1"}}, "serial").c_str());
  Holds(State("3", "1"));
}

TEST(Changes, WhatCannotBeRolledBack) {
  Is(Code::kOk, Put(Text(R"({"serial":1,"lineage":"L","meta":{},"encrypted_data":"AA",)"
                         R"("encryption_version":"v0"})")));
  Is(Code::kOk, Put(State("18446744073709551615", "x")));
  STRCMP_CONTAINS("conflict: the client encrypted", Says("rollback", {{"to", "1"}}).c_str());
  STRCMP_CONTAINS("conflict: this is the newest", Says("rollback", {{"to", "2"}}).c_str());
  STRCMP_CONTAINS("not_found: net/prod has no version 3", Says("rollback", {{"to", "3"}}).c_str());
  LONGS_EQUAL(2, HeadOf());
  CHECK_FALSE(Locked());
}

TEST(Changes, NoLargerSerial) {
  Is(Code::kOk, Put(State("1", "a")));
  Is(Code::kOk, Put(State("18446744073709551615", "b")));
  STRCMP_CONTAINS("conflict: the newest version has the largest serial",
                  Says("rollback", {{"to", "1"}}).c_str());
}

TEST(Changes, ADryRunNamesTheVersionThatTheChangeThenNames) {
  ThreeApplies();
  Result<Reply> dry = Run("rollback", root, With({{"to", "1"}, {"dry-run", "true"}}));
  CHECK(dry.ok());
  STRCMP_EQUAL("would be rolled back", TextIn("rollback", dry->rows[0], "result").c_str());
  STRCMP_EQUAL("4", TextIn("rollback", dry->rows[0], "version").c_str());
  STRCMP_CONTAINS("~ t.a: password, x\n", dry->note.c_str());
  STRCMP_CONTAINS("--if-version 3", dry->note.c_str());
  LONGS_EQUAL(3, HeadOf());
  Is(Code::kOk, Put(State("4", "4")));
  STRCMP_CONTAINS("conflict: the newest version is 4",
                  Says("rollback", {{"to", "1"}, {"if-version", "3"}}).c_str());
  CHECK_FALSE(Locked());
  STRCMP_EQUAL("rolled back", Says("rollback", {{"to", "1"}, {"if-version", "4"}}).c_str());
}

TEST(Changes, ARepeatAnswersAsTheFirst) {
  ThreeApplies();
  const std::vector<Given> change = {{"to", "1"}, {"change-id", "request-0001"}};
  STRCMP_EQUAL("4", Says("rollback", change, "version").c_str());
  Is(Code::kOk, Put(State("5", "5")));
  STRCMP_EQUAL("4", Says("rollback", change, "version").c_str());
  STRCMP_EQUAL("4", Says("rollback", change, "serial").c_str());
  LONGS_EQUAL(5, HeadOf());
  STRCMP_EQUAL("6", Says("rollback", {{"to", "1"}}, "version").c_str());
}

TEST(Changes, DeleteAndUndelete) {
  ThreeApplies();
  STRCMP_EQUAL("deleted", Says("delete", {{"reason", "old"}}).c_str());
  STRCMP_EQUAL("not_found", Get().c_str());
  STRCMP_EQUAL("3", Says("undelete", {}, "serial").c_str());
  Holds(State("3", "3"));
  STRCMP_CONTAINS("conflict: net/prod is not deleted", Says("undelete", {}).c_str());
  Is(Code::kOk, Put(State("4", "4")));
}

TEST(Changes, UndeleteIsNoClientsOperation) {
  CHECK(MayReplaceHistory(kOperationUndelete));
  CHECK_FALSE(MayReplaceHistory(kOperationRollback));
  CHECK_FALSE(MayReplaceHistory(kOperationDelete));
}

// The store goes away after any number of calls; then it is back and the command is given again.
TEST(Changes, BrokenOffAtAnyCallTheyEndTheSameWhenRepeated) {
  struct Case {
    const char* name;
    std::vector<Given> given;
    bool deleted_before;
    std::string want;
  };
  const Case cases[] = {
      {"rollback", {{"to", "1"}}, false, std::string(ByteView(State("4", "1")).AsString())},
      {"delete", {}, false, "not_found"},
      {"undelete", {}, true, std::string(ByteView(State("3", "3")).AsString())},
  };
  for (const Case& one : cases) {
    bool whole = false;
    for (int calls = 1; !whole; ++calls) {
      CHECK(calls < 200);
      const std::string state = std::string("s") + one.name + std::to_string(calls);
      grant = GrantOf(root, {"", "net", state});
      ThreeApplies();
      if (one.deleted_before) Is(Code::kOk, Delete());
      const uint64_t head = HeadOf();
      const std::string address = "net/" + state;
      std::vector<Given> given = one.given;
      given.push_back({"state", address.c_str()});
      storage.calls_left = calls;
      whole = Run(one.name, root, given).ok();
      storage.calls_left = 0;
      storage.down = false;
      // Nothing, or all of it.
      const uint64_t now = HeadOf();
      CHECK(now == head || now == head + 1);
      if (now == head || Locked()) CHECK(Run(one.name, root, given).ok());
      STRCMP_EQUAL(one.want.c_str(), Get().c_str());
      CHECK_FALSE(Locked());
      LONGS_EQUAL(head + 1, HeadOf());
    }
  }
}

TEST(Changes, WhoMayOnlyReadChangesNothing) {
  ThreeApplies();
  const Caller reader = Of("net", {Right::kSee, Right::kRead});
  for (const char* name : {"delete", "undelete"}) {
    Result<Reply> reply = Run(name, reader, With({}));
    CHECK(!reply.ok());
    CHECK(reply.status().code() == Code::kPermissionDenied);
  }
  CHECK(!Run("rollback", reader, With({{"to", "1"}})).ok());
  CHECK(Run("diff", reader, With({})).ok());
  CHECK(!Run("diff", Of("net", {Right::kSee}), With({})).ok());
  LONGS_EQUAL(3, HeadOf());
}

TEST(Changes, DiffOfTheTwoNewestOrOfAnyTwo) {
  ThreeApplies();
  Is(Code::kOk, Put(Text(R"({"version":4,"serial":4,"lineage":"L","resources":[]})")));
  std::vector<Row> rows = RowsOf("diff", root, With({}));
  LONGS_EQUAL(1, rows.size());
  STRCMP_EQUAL("removed", TextIn("diff", rows[0], "change").c_str());
  STRCMP_EQUAL("t.a", TextIn("diff", rows[0], "address").c_str());
  rows = RowsOf("diff", root, With({{"from", "1"}, {"to", "3"}, {"values", "true"}}));
  LONGS_EQUAL(2, rows.size());
  STRCMP_EQUAL("named like a secret", TextIn("diff", rows[0], "hidden").c_str());
  STRCMP_EQUAL("-", TextIn("diff", rows[0], "before").c_str());
  STRCMP_EQUAL("\"1\"", TextIn("diff", rows[1], "before").c_str());
  STRCMP_EQUAL("\"3\"", TextIn("diff", rows[1], "after").c_str());
  STRCMP_CONTAINS("not_found", Says("diff", {{"from", "1"}, {"to", "9"}}).c_str());
}

TEST(Changes, ASettingForbidsValues) {
  ThreeApplies();
  rules.diff_values = false;
  admin = std::make_unique<AdminService>(
      AdminParts{storage, locker, *kms, gate, *service, clock, rules, UploadRules()});
  STRCMP_CONTAINS("permission_denied: values are not shown",
                  Says("diff", {{"values", "true"}}).c_str());
  CHECK(Run("diff", root, With({})).ok());
}

TEST(Changes, DiffOfEncryptedStatesHasSizesAndSerials) {
  for (const char* serial : {"1", "2"}) {
    Is(Code::kOk, Put(Text(std::string(R"({"serial":)") + serial +
                           R"(,"lineage":"L","encrypted_data":"AA","encryption_version":"v0"})")));
  }
  Result<Reply> reply = Run("diff", root, With({}));
  CHECK(reply.ok());
  LONGS_EQUAL(2, reply->rows.size());
  STRCMP_EQUAL("document", TextIn("diff", reply->rows[0], "kind").c_str());
  STRCMP_EQUAL("2", TextIn("diff", reply->rows[0], "after").c_str());
  STRCMP_CONTAINS("the client encrypted this state", reply->note.c_str());
}

TEST(Changes, ARestoredUploadIsTheNewestVersionByteForByte) {
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

TEST(Changes, UploadsOfOthersDoNotShow) {
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

TEST(Changes, APurgeRemovesEveryCopyOfADocument) {
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

TEST(Changes, WhatClientsGetIsNotPurged) {
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

TEST(Changes, APurgeThatWasBrokenOffIsRepeated) {
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
    storage.calls_left = calls;
    whole = Run("purge", root, given).ok();
    storage.calls_left = 0;
    storage.down = false;
    Holds(State("3", "3"));
    const History history(storage, *kms, *admin->StoreId());
    const bool done = history.Info(Id(), 4)->version.kind == RecordKind::kPurged;
    if (!done) CHECK(Run("purge", root, given).ok());
    for (uint64_t n : {2, 4}) CHECK(history.Info(Id(), n)->version.kind == RecordKind::kPurged);
    CHECK(history.Info(Id(), 1)->version.kind == RecordKind::kState);
  }
}

TEST(Changes, APinnedVersionIsNotPruned) {
  ThreeApplies();
  STRCMP_EQUAL("pinned", Says("pin", {{"version", "1"}}).c_str());
  STRCMP_CONTAINS("not_found", Says("pin", {{"version", "9"}}).c_str());
  clock.Advance(int64_t{400} * 24 * 60 * 60 * 1000);
  HistoryRules keep;
  keep.keep = 1;
  const auto prune = [&] {
    Result<uint64_t> pruned = PruneState(storage, *kms, clock, keep, *admin->StoreId(), Id());
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

TEST(Changes, WhatStandsAboveAPinnedVersionIsPrunedAnHourLater) {
  ThreeApplies();
  STRCMP_EQUAL("pinned", Says("pin", {{"version", "1"}}).c_str());
  HistoryRules keep;
  keep.keep = 1;
  keep.days = 0;
  const auto pruned = [&] {
    return *PruneState(storage, *kms, clock, keep, *admin->StoreId(), Id());
  };
  clock.Advance(kGapMs - 1);
  LONGS_EQUAL(0, pruned());
  clock.Advance(1);
  LONGS_EQUAL(1, pruned());
  LONGS_EQUAL(2, storage.Versions(Id())->size());
}

TEST(Changes, AMovedStateTakesItsHistoryAlong) {
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

TEST(Changes, AMovedStateTakesItsUploadsAlong) {
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

TEST(Changes, AMoveWantsAFreeTargetAndNoLock) {
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

TEST(Changes, AMoveThatWasBrokenOffLeavesBothWholeAndEndsWhenRepeated) {
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
