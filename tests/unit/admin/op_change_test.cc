// diff, rollback, delete, undelete over doubles.
#include <functional>
#include <string>
#include <vector>

#include "base/hex.h"
#include "base/sha256.h"
#include "state/guard.h"
#include "unit/admin/change_fixture.h"

namespace stateward {

TEST_GROUP_BASE(Changes, ChangeFixture){
    // The ID of an operation's lock at this head; `which`: ":TO:VERSION:UPLOAD".
    std::string IdOf(const std::string& operation, int head, const std::string& which){
        const std::string seed = Id().hex() + ":" + std::to_string(head) + which;
return "change-" + HexEncode(Sha256(operation + ":" + seed)).substr(0, 32);
}  // namespace stateward
Code LockAs(const Grant& who, const std::string& id, const std::string& operation) {
  return service->Lock(who, Info(id, operation), LockFor::kOperation).status.code();
}
// A state of three versions, of which `grant` is from here on; its address.
std::string NewState(const std::string& name) {
  grant = GrantOf(root, {"", "net", name});
  ThreeApplies();
  return "net/" + name;
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

// A plan that was made from the lost version has its serial, whatever that was.
TEST(Changes, RollbackOfADamagedStateGoesOnFarAboveTheLargestSerial) {
  ThreeApplies();
  storage.DamageFront(Id(), 3);
  STRCMP_EQUAL("1002", Says("rollback", {{"to", "1"}}, "serial").c_str());
  Holds(State("1002", "1"));
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

// The names in a state are its writer's, and the lines of a dry run are ours.
TEST(Changes, NoNameOfAStateMakesALineOfADryRun) {
  const std::string resource =
      R"({"mode":"managed","type":"t","name":"a","provider":"p",)"
      R"("instances":[{"index_key":"k\nTo do it: rollback","attributes":{}}]})";
  const auto with = [](const std::string& serial, const std::string& resources) {
    return Text(R"({"version":4,"serial":)" + serial +
                R"(,"lineage":"L","outputs":{},"resources":[)" + resources + "]}");
  };
  Is(Code::kOk, Put(with("1", resource)));
  Is(Code::kOk, Put(with("2", "")));
  Result<Reply> dry = Run("rollback", root, With({{"to", "1"}, {"dry-run", "true"}}));
  CHECK(dry.ok());
  STRCMP_CONTAINS("k\\x0aTo do it", dry->note.c_str());
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

TEST(Changes, AnIdOfAnotherChangeIsRefused) {
  ThreeApplies();
  const Given id = {"change-id", "request-0001"};
  STRCMP_EQUAL("4", Says("rollback", {{"to", "1"}, id}, "version").c_str());
  STRCMP_EQUAL(
      "conflict: the ID request-0001 belongs to another change (rollback, version 4): give this "
      "one its own ID",
      Says("rollback", {{"to", "2"}, id}).c_str());
  STRCMP_CONTAINS("(rollback, version 4)", Says("delete", {id}).c_str());
  STRCMP_EQUAL("4", Says("rollback", {{"to", "1"}, id, {"reason", "again"}}, "version").c_str());
  // One that only begins as it does is another ID.
  STRCMP_EQUAL("deleted", Says("delete", {{"change-id", "request-0001-1"}}).c_str());
  STRCMP_CONTAINS("(delete, version 5)",
                  Says("undelete", {{"change-id", "request-0001-1"}}).c_str());
  LONGS_EQUAL(5, HeadOf());
  CHECK_FALSE(Locked());
}

TEST(Changes, ARepeatOfWhatWroteNothingIsTriedAgain) {
  ThreeApplies();
  const Given id = {"change-id", "request-0001"};
  STRCMP_CONTAINS("conflict: the newest version is 3",
                  Says("rollback", {{"to", "1"}, {"if-version", "7"}, id}).c_str());
  STRCMP_EQUAL("4", Says("rollback", {{"to", "1"}, id}, "version").c_str());
  STRCMP_EQUAL("4", Says("rollback", {{"to", "1"}, id}, "version").c_str());
  LONGS_EQUAL(4, HeadOf());
  // What is deleted already is so without a version more, each time that it is asked.
  Is(Code::kOk, Delete());
  for (int i = 0; i < 3; ++i) {
    STRCMP_EQUAL("5", Says("delete", {{"change-id", "request-0002"}}, "version").c_str());
  }
  LONGS_EQUAL(5, HeadOf());
  CHECK_FALSE(Locked());
}

TEST(Changes, AnIdIsItsCallersOwn) {
  ThreeApplies();
  const std::vector<Given> change = With({{"to", "1"}, {"change-id", "request-0001"}});
  CHECK(Run("rollback", LocalCaller("ann"), change).ok());
  Is(Code::kOk, Put(State("5", "5")));
  Result<Reply> other = Run("rollback", root, change);
  CHECK_FALSE(other.ok());
  CHECK(other.status().code() == Code::kConflict);
  STRCMP_CONTAINS("belongs to another change", other.status().detail().c_str());
  LONGS_EQUAL(5, HeadOf());
  STRCMP_CONTAINS("invalid_argument: --change-id, Idempotency-Key: 8 to 64 visible",
                  Says("rollback", {{"to", "1"}, {"change-id", "with a blank"}}).c_str());
}

// The client asked again before its first request was answered: wherever the second one comes to
// its end while the first is under way, both answer the same, and there is one version of them.
TEST(Changes, TwoRunsOfOneChangeWriteOnce) {
  int states = 0;
  for (const char* id : {"", "request-0001"}) {
    for (std::function<void()> MemLocker::*point :
         {&MemLocker::before_acquire, &MemLocker::before_write, &MemLocker::between}) {
      grant = GrantOf(root, {"", "net", "s" + std::to_string(++states)});
      ThreeApplies();
      const std::string address = "net/" + grant.key.name;
      const Operation& rollback = *FindOperation("rollback");
      Args args;
      CHECK(args.Add(*FindParam(rollback.params, "state"), address).ok());
      CHECK(args.Add(*FindParam(rollback.params, "to"), "1").ok());
      if (*id != '\0') CHECK(args.Add(*FindParam(rollback.params, "change-id"), id).ok());
      CHECK(args.Finish(rollback.params).ok());
      std::string second;
      locker.*point = [&] {
        Result<Reply> reply = RunOperation(rollback, *admin, root, args);
        CHECK(reply.ok());
        second = TextIn("rollback", reply->rows[0], "version");
      };
      Result<Reply> first = RunOperation(rollback, *admin, root, args);
      CHECK_TEXT(first.ok(), first.ok() ? "" : first.status().detail().c_str());
      STRCMP_EQUAL("4", second.c_str());
      STRCMP_EQUAL("4", TextIn("rollback", first->rows[0], "version").c_str());
      LONGS_EQUAL(4, HeadOf());
      CHECK_FALSE(Locked());
    }
  }
}

// Who may write can compute the ID that the lock of the next operation will have.
TEST(Changes, AClientTakesNoLockWithAnOperationsId) {
  ThreeApplies();
  Is(Code::kInvalidArgument, Lock(IdOf("delete", 3, ":::")));
  Is(Code::kInvalidArgument, Lock("change-4711"));
  Is(Code::kOk, Lock("4711-change-"));
  Is(Code::kOk, Unlock("4711-change-"));
  // One that a killed run left is freed and used as ever.
  Is(Code::kOk, LockAs(grant, IdOf("rollback", 3, ":1::"), "rollback"));
  Is(Code::kOk, Unlock(IdOf("rollback", 3, ":1::")));
}

// Its 423 shows the ID: the operation would take what comes with it for its own work.
TEST(Changes, AClientWritesNothingUnderAnOperationsLock) {
  ThreeApplies();
  const std::string id = IdOf("rollback", 3, ":1::");
  Is(Code::kOk, LockAs(grant, id, "rollback"));
  const StateAnswer put = service->Put(grant, id, State("4", "mine"));
  Is(Code::kConflict, put.status.code());
  STRCMP_CONTAINS("no client writes with it", put.hint.c_str());
  CHECK(!put.upload.empty());
  LONGS_EQUAL(1, Kept());
  Is(Code::kConflict, Delete(id));
  LONGS_EQUAL(3, HeadOf());
  STRCMP_EQUAL("4", Says("rollback", {{"to", "1"}}, "version").c_str());
  Holds(State("4", "1"));
}

// A record with such an ID, of a build that let clients take it: each operation does its own work.
TEST(Changes, WhatAnotherWroteUnderAnOperationsIdIsNotItsWork) {
  struct Case {
    const char* name;
    std::vector<Given> given;
    const char* which;  // the end of the seed
    const char* want;
  };
  const Case cases[] = {
      {"delete", {}, ":::", "deleted"},
      {"rollback", {{"to", "1"}}, ":1::", "rolled back"},
      {"purge", {{"version", "1"}, {"reason", "leak"}}, "::1:", "purged"},
  };
  const Caller caller = LocalCaller("mallory");
  int states = 0;
  for (const Case& one : cases) {
    // As the operation's own, and under a client's name; another's lock, and the caller's.
    for (const char* operation : {one.name, "OperationTypeApply"}) {
      for (const Caller* who : {&caller, static_cast<const Caller*>(&root)}) {
        if (who == &root && operation == one.name) continue;  // that is the caller's own work
        const std::string name = "s" + std::to_string(++states);
        const std::string address = "net/" + name;
        grant = GrantOf(root, {"", "net", name});
        ThreeApplies();
        const Grant theirs = GrantOf(*who, grant.key);
        const std::string id = IdOf(one.name, 4, one.which);
        Is(Code::kOk, LockAs(theirs, id, operation));
        Is(Code::kOk,
           service->Put(theirs, id, State("4", "4"), "", LockFor::kOperation).status.code());
        std::vector<Given> given = one.given;
        given.push_back({"state", address.c_str()});
        if (who == &caller) {
          Result<Reply> held = Run(one.name, root, given);
          CHECK(held.ok());
          STRCMP_CONTAINS(id.c_str(), held->holder.c_str());
        }
        Is(Code::kOk, service->Unlock(theirs, Info(id), "").status.code());
        const std::vector<Row> rows = RowsOf(one.name, root, given);
        LONGS_EQUAL(1, rows.size());
        STRCMP_EQUAL(one.want, TextIn(one.name, rows[0], "result").c_str());
        if (one.name == cases[0].name) STRCMP_EQUAL("not_found", Get().c_str());
        if (one.name == cases[1].name) Holds(State("5", "1"));
        CHECK_FALSE(Locked());
      }
    }
  }
}

TEST(Changes, ARepeatNamesTheVersionThatTheFirstNamed) {
  ThreeApplies();
  const std::vector<Given> change = {
      {"to", "1"}, {"if-version", "3"}, {"change-id", "request-0001"}};
  STRCMP_EQUAL("4", Says("rollback", change, "version").c_str());
  STRCMP_EQUAL("4", Says("rollback", change, "version").c_str());
  for (const char* other : {"1", "4"}) {
    STRCMP_CONTAINS(
        "conflict: this change was made already, as version 4",
        Says("rollback", {{"to", "1"}, {"if-version", other}, {"change-id", "request-0001"}})
            .c_str());
  }
  // A killed run left its lock: its repeat ends it, and nothing else does.
  const std::string id = IdOf("delete", 4, ":::");
  Is(Code::kOk, LockAs(grant, id, "delete"));
  Is(Code::kOk, service->Delete(grant, id, "", LockFor::kOperation).status.code());
  STRCMP_CONTAINS("locked: ", Says("delete", {{"if-version", "1"}}).c_str());
  STRCMP_EQUAL("deleted", Says("delete", {{"if-version", "4"}}).c_str());
  CHECK_FALSE(Locked());
  LONGS_EQUAL(5, HeadOf());
}

// Plans hold the state: an operation that meets them keeps new ones out as a client does, where
// the policy says so.
TEST(Changes, AnOperationWaitsForPlansAsThePolicySays) {
  ThreeApplies();
  PlanLocks shared;
  shared.shared = true;
  shared.writer_wait_s = 30;
  grant.plan_locks = shared;
  root.complete = [shared](Grant* mine) { mine->plan_locks = shared; };
  Is(Code::kOk, Lock("p1", "OperationTypePlan"));
  Is(Code::kOk, Lock("p2", "OperationTypePlan"));
  STRCMP_CONTAINS("locked: ", Says("rollback", {{"to", "1"}}).c_str());
  Is(Code::kConflict, Lock("p3", "OperationTypePlan"));
}

// terraform-backend's lock of it is found by the secret alone.
TEST(Changes, ALockThatCannotBeSeenIsNotPassedOver) {
  grant = As("secret", "net", "prod");
  ThreeApplies();
  locker.legacy_locks = uint64_t{1};
  const char* const held =
      "terraform-backend holds 1 lock here, and whether one is of this state cannot be told "
      "without "
      "its secret";
  STRCMP_CONTAINS(held, Says("rollback", {{"to", "1"}}).c_str());
  STRCMP_CONTAINS(held, Says("delete", {}).c_str());
  STRCMP_CONTAINS(held, Says("mv", {{"to", "net/new"}}).c_str());
  STRCMP_CONTAINS(held, Says("purge", {{"version", "1"}, {"reason", "leak"}}).c_str());
  STRCMP_CONTAINS(held, Run("unlock", root, With({}))->note.c_str());
  STRCMP_CONTAINS(held, Run("show", root, With({}))->note.c_str());
  LONGS_EQUAL(3, HeadOf());
  // Over the API the secret is there.
  const Credentials credentials{"basic", SecretString("secret")};
  const Result<Identity> identity = basic.Identify(credentials);
  CHECK(identity.ok());
  Caller owner;
  owner.principal = identity->principal;
  owner.tenant = identity->tenant;
  owner.rights = identity->rights;
  owner.complete = identity->complete;
  CHECK(GrantOf(owner, grant.key).legacy_ids == grant.legacy_ids);
  CHECK(Run("rollback", owner, With({{"to", "1"}})).ok());
  // An outage is no reason to pass over it.
  locker.legacy_locks = Status::Unavailable("no answer");
  STRCMP_CONTAINS(
      "unavailable: net/prod was not changed; whether terraform-backend holds a lock of it",
      Says("delete", {}).c_str());
  LONGS_EQUAL(4, HeadOf());
  // Where the user may not look, it says so and goes on.
  locker.legacy_locks = Status(Code::kPermissionDenied, "NOPERM");
  Result<Reply> done = Run("delete", root, With({}));
  CHECK(done.ok());
  STRCMP_CONTAINS("could not be looked up: NOPERM", done->note.c_str());
  LONGS_EQUAL(5, HeadOf());
}

TEST(Changes, DeleteAndUndelete) {
  ThreeApplies();
  STRCMP_EQUAL("deleted", Says("delete", {{"reason", "old"}}).c_str());
  STRCMP_EQUAL("not_found", Get().c_str());
  // What holds no document has neither.
  for (const char* column : {"size", "sha256"}) {
    STRCMP_EQUAL("-", Says("show", {}, column).c_str());
    const std::vector<Row> versions = RowsOf("versions", root, With({}));
    STRCMP_EQUAL("-", TextIn("versions", versions[0], column).c_str());
    CHECK(TextIn("versions", versions[1], column) != "-");
  }
  STRCMP_EQUAL("3", Says("undelete", {}, "serial").c_str());
  Holds(State("3", "3"));
  STRCMP_CONTAINS("conflict: net/prod is not deleted", Says("undelete", {}).c_str());
  Is(Code::kOk, Put(State("4", "4")));
}

// An older version never comes back in the place of the last one.
TEST(Changes, UndeletePutsTheLastVersionBackOrNone) {
  ThreeApplies();
  STRCMP_EQUAL("purged", Says("purge", {{"version", "2"}, {"reason", "leaked"}}).c_str());
  Is(Code::kOk, Delete());
  storage.DamageFront(Id(), 3);
  STRCMP_CONTAINS("conflict: version 3 of net/prod cannot be read", Says("undelete", {}).c_str());
  CHECK(storage.Prune(Id(), 3).ok());
  STRCMP_CONTAINS("conflict: version 2 of net/prod was purged", Says("undelete", {}).c_str());
  CHECK(storage.Prune(Id(), 2).ok());
  STRCMP_EQUAL(
      "conflict: the last version before the deletion (serial 3) is gone; the newest that is left "
      "is version 1; `rollback net/prod --to N` puts an older version in its place",
      Says("undelete", {}).c_str());
  LONGS_EQUAL(4, HeadOf());
  STRCMP_EQUAL("4", Says("rollback", {{"to", "1"}}, "serial").c_str());
}

TEST(Changes, ADiffTakesNoOlderVersionForTheNewest) {
  ThreeApplies();
  storage.DamageFront(Id(), 3);
  STRCMP_CONTAINS("conflict: version 3 of net/prod cannot be read", Says("diff", {}).c_str());
  CHECK(Run("diff", root, With({{"from", "1"}, {"to", "2"}})).ok());
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
      const std::string address = NewState(one.name + std::to_string(calls));
      if (one.deleted_before) Is(Code::kOk, Delete());
      const uint64_t head = HeadOf();
      std::vector<Given> given = one.given;
      given.push_back({"state", address.c_str()});
      whole = BreakOff(calls, one.name, given);
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

// The lock of the first run took a number away: the repeat knows it all the same.
TEST(Changes, BrokenOffAfterAForcedReleaseTheyEndTheSameWhenRepeated) {
  struct Case {
    const char* name;
    std::vector<Given> given;
    std::string want;
  };
  const Case cases[] = {
      {"rollback", {{"to", "1"}}, std::string(ByteView(State("4", "1")).AsString())},
      {"delete", {}, "not_found"},
  };
  locker.still = false;
  for (const Case& one : cases) {
    bool whole = false;
    for (int calls = 1; !whole; ++calls) {
      CHECK(calls < 200);
      const std::string address = NewState(one.name + std::to_string(calls));
      Is(Code::kOk, Lock("forced"));
      Is(Code::kOk, Unlock(""));
      std::vector<Given> given = one.given;
      given.push_back({"state", address.c_str()});
      whole = BreakOff(calls, one.name, given);
      if (Get() != one.want || Locked()) LONGS_EQUAL(1, RowsOf(one.name, root, given).size());
      STRCMP_EQUAL(one.want.c_str(), Get().c_str());
      CHECK_FALSE(Locked());
    }
  }
}

// A client freed the lock by force and wrote, before the run saw that its own write was there.
TEST(Changes, WhatAnotherWroteOnTopIsNotReported) {
  ThreeApplies();
  locker.lost_ends = 1;
  locker.at_end = [this] {
    Is(Code::kOk, Unlock(""));
    Is(Code::kOk, Lock("next"));
    Is(Code::kOk, Put(State("5", "5"), "next"));
    Is(Code::kOk, Unlock("next"));
  };
  Result<Reply> reply = Run("rollback", root, With({{"to", "1"}}));
  CHECK(reply.ok());
  STRCMP_EQUAL("4", TextIn("rollback", reply->rows[0], "version").c_str());
  STRCMP_EQUAL("4", TextIn("rollback", reply->rows[0], "serial").c_str());
  Holds(State("5", "5"));
}

// What an ID did is known from the version that it wrote.
TEST(Changes, ARepeatWhoseVersionWasPrunedChangesNothing) {
  ThreeApplies();
  const Given id = {"change-id", "request-0001"};
  STRCMP_EQUAL("deleted", Says("delete", {id}).c_str());
  Is(Code::kOk, Put(State("5", "5", "M")));
  Is(Code::kOk, Put(State("6", "6", "M")));
  for (uint64_t n = 1; n <= 4; ++n) CHECK(storage.Prune(Id(), n).ok());
  STRCMP_CONTAINS("conflict: the ID request-0001 was used before", Says("delete", {id}).c_str());
  Holds(State("6", "6", "M"));
  CHECK_FALSE(Locked());
  // A day later it is a new ID.
  clock.Advance(kReleasedIdsKeptMs);
  STRCMP_EQUAL("deleted", Says("delete", {id}).c_str());
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

}  // namespace stateward
