#include <functional>
#include <string>
#include <vector>

#include "auth/roles.h"
#include "state/lock_rights.h"
#include "unit/admin/admin_fixture.h"

namespace stateward {

TEST_GROUP_BASE(Locks, AdminFixture) {
  std::string In(const Row& row, const char* column) { return TextIn("locks", row, column); }
  // Locks net/new, which was never written.
  void LockOther(const std::string& info) {
    Is(Code::kOk, service->Lock(GrantOf(root, {"", "net", "new"}), info).status.code());
  }
  int ids = 0;
  std::string ErrorOf(const std::vector<Given>& given, const Caller& caller) {
    Result<Reply> reply = Run("unlock", caller, given);
    return reply.ok() ? "ok" : reply.status().detail();
  }
};

TEST(Locks, TheOldestIsFirst) {
  Is(Code::kOk, Put(Doc(1)));
  LONGS_EQUAL(0, RowsOf("locks", root, {}).size());
  Is(Code::kOk, Lock("of-prod"));
  clock.Advance(60 * 60 * 1000);
  LockOther(
      R"({"ID":"of-new","Operation":"OperationTypeApply","Who":"ann@build-7","Version":"1.8.2"})");
  std::vector<Row> rows = RowsOf("locks", root, {});
  LONGS_EQUAL(2, rows.size());
  STRCMP_EQUAL("net/prod", In(rows[0], "state").c_str());
  STRCMP_EQUAL("of-prod", In(rows[0], "lock").c_str());
  // Nothing was ever written that would say what state this is.
  STRCMP_EQUAL("-", In(rows[1], "state").c_str());
  STRCMP_EQUAL("true", In(rows[1], "forcible").c_str());  // `unlock` takes its name
  STRCMP_EQUAL("ann@build-7", In(rows[1], "who").c_str());
  STRCMP_EQUAL("1.8.2", In(rows[1], "client_version").c_str());
  STRCMP_EQUAL("OperationTypeApply", In(rows[1], "operation").c_str());
  rows = RowsOf("locks", root, {{"older", "30m"}});
  LONGS_EQUAL(1, rows.size());
  STRCMP_EQUAL("of-prod", In(rows[0], "lock").c_str());
}

TEST(Locks, WhenATokenEndsIsShown) {
  Grant with_token = GrantOf(root, {"", "net", "new"});
  with_token.token_ends_s = 1764000060;
  Is(Code::kOk, service->Lock(with_token, std::string_view(R"({"ID":"a"})")).status.code());
  STRCMP_EQUAL("1764000060000", In(RowsOf("locks", root, {})[0], "token_expires").c_str());
}

TEST(Locks, OthersSeeTheirOwn) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Lock("of-prod"));
  LockOther(R"({"ID":"of-new"})");
  LONGS_EQUAL(1, RowsOf("locks", Of("net", {Right::kSee}), {}).size());
  LONGS_EQUAL(0, RowsOf("locks", Of("app", {Right::kSee}), {}).size());
}

TEST(Locks, UnlockNamesWhatItReleases) {
  Is(Code::kOk, Put(Doc(1)));
  STRCMP_EQUAL("it was not locked", Run("unlock", root, {{"state", "net/prod"}})->note.c_str());
  Is(Code::kOk, Lock("a"));
  const std::string held = ErrorOf({{"state", "net/prod"}}, root);
  STRCMP_CONTAINS("held by admin:root since", held.c_str());
  STRCMP_CONTAINS("lock ID a", held.c_str());
  STRCMP_CONTAINS("another lock", ErrorOf({{"state", "net/prod"}, {"id", "b"}}, root).c_str());
  CHECK(locker.Look(StateId::Of({"", "net", "prod"}))->holder.has_value());
  const std::vector<Row> rows = RowsOf("unlock", root, {{"state", "net/prod"}, {"id", "a"}});
  STRCMP_EQUAL("true", TextIn("unlock", rows[0], "released").c_str());
  CHECK_FALSE(locker.Look(StateId::Of({"", "net", "prod"}))->holder.has_value());
}

// A write of its run may still be on its way, whoever held the lock.
TEST(Locks, ALockAfterUnlockTakesANumberAway) {
  Is(Code::kOk, Put(Doc(1)));
  locker.still = false;
  uint64_t head = 1;
  for (const Given how : {Given{"yes", "true"}, Given{"id", "own"}}) {
    Is(Code::kOk, Lock("own"));
    STRCMP_EQUAL("ok", ErrorOf({{"state", "net/prod"}, how}, root).c_str());
    Is(Code::kOk, Lock("next" + std::to_string(head)));
    LONGS_EQUAL(head + 1, HeadOf());
    Is(Code::kOk, Unlock("next" + std::to_string(head)));  // by its run: nothing is on its way
    clock.Advance(kReleasedIdsKeptMs);
    Is(Code::kOk, Lock("own"));
    LONGS_EQUAL(++head, HeadOf());
    Is(Code::kOk, Unlock("own"));
    clock.Advance(kReleasedIdsKeptMs);
  }
}

TEST(Locks, AnOperationsLockThatAClientFreesTakesANumberAway) {
  Is(Code::kOk, Put(Doc(1)));
  locker.still = false;
  Is(Code::kOk, service->Lock(grant, Info("change-1"), LockFor::kOperation).status.code());
  Is(Code::kOk, Unlock("change-1"));
  Is(Code::kOk, Lock("next"));
  LONGS_EQUAL(2, HeadOf());
}

TEST(Locks, WhoMayNotFreeAnOperationsLockTakesNoNumberAway) {
  Is(Code::kOk, Put(Doc(1)));
  locker.still = false;
  const auto unlock = [this](const Grant& who, LockFor whom) {
    return service->Unlock(who, Info("change-1"), "", whom).status.code();
  };
  Is(Code::kOk, service->Lock(grant, Info("change-1"), LockFor::kOperation).status.code());
  const Caller writer = Of("net", kRoleWrite);
  Is(Code::kPermissionDenied, unlock(GrantOf(writer, grant.key), LockFor::kClient));
  Is(Code::kOk, unlock(grant, LockFor::kOperation));
  // Nor does the ID once its run has ended.
  Is(Code::kOk, unlock(grant, LockFor::kClient));
  Is(Code::kOk, Lock("next"));
  LONGS_EQUAL(1, HeadOf());
}

// S3 and Redis tell nobody who holds a lock whose LOCK broke off.
TEST(Locks, ALockThatCannotBeLookedAtIsFreedByItsIdAndNoOther) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Lock("a"));
  locker.half_taken = true;
  STRCMP_EQUAL("a",
               TextIn("show", RowsOf("show", root, {{"state", "net/prod"}})[0], "lock").c_str());
  STRCMP_CONTAINS("another lock is held",
                  ErrorOf({{"state", "net/prod"}, {"id", "b"}, {"yes", "true"}}, root).c_str());
  locker.half_taken = true;
  LONGS_EQUAL(1, RowsOf("locks", root, {}).size());
  STRCMP_CONTAINS("being taken", ErrorOf({{"state", "net/prod"}}, root).c_str());
  const std::vector<Row> rows = RowsOf("unlock", root, {{"state", "net/prod"}, {"id", "a"}});
  STRCMP_EQUAL("true", TextIn("unlock", rows[0], "released").c_str());
  STRCMP_EQUAL("a", TextIn("unlock", rows[0], "lock").c_str());
  CHECK_FALSE(locker.Look(Id())->holder.has_value());
}

TEST(Locks, AnOutageFreesNothingAndSaysSo) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Lock("a"));
  int looks = 0;  // that at the state passes, and the one of `unlock` does not
  std::function<void()> look = [&] {
    locker.down = ++looks >= 2;
    locker.before_look = look;
  };
  locker.before_look = look;
  STRCMP_CONTAINS("down",
                  ErrorOf({{"state", "net/prod"}, {"id", "b"}, {"yes", "true"}}, root).c_str());
  locker.before_look = nullptr;
  locker.down = false;
  CHECK(locker.Look(Id())->holder.has_value());
}

// What is said is what was released: its run was faster.
TEST(Locks, ALockThatWasFreedMeanwhileIsNotReleased) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Lock("a"));
  locker.before_release = [this] { Is(Code::kOk, Unlock("a")); };
  const std::vector<Row> rows = RowsOf("unlock", root, {{"state", "net/prod"}, {"id", "a"}});
  STRCMP_EQUAL("false", TextIn("unlock", rows[0], "released").c_str());
  STRCMP_EQUAL("-", TextIn("unlock", rows[0], "lock").c_str());
}

TEST(Locks, AFrozenStateSaysSo) {
  Is(Code::kOk, Put(Doc(1)));
  const auto gate_of = [this](const char* operation) {
    return TextIn(operation, RowsOf(operation, root, {{"state", "net/prod"}})[0], "no_new_lock");
  };
  STRCMP_EQUAL("-", gate_of("show").c_str());
  STRCMP_EQUAL("-", gate_of("unlock").c_str());
  RowsOf("freeze", root, {{"state", "net/prod"}, {"reason", "ask ann"}});
  STRCMP_EQUAL("FROZEN by admin:root: ask ann", gate_of("show").c_str());
  STRCMP_EQUAL("FROZEN by admin:root: ask ann", gate_of("unlock").c_str());
  // Who frees a lock that was taken before is told that the next one is refused.
  RowsOf("maintenance end", root, {{"glob", "net/prod"}});
  Is(Code::kOk, Lock("a"));
  RowsOf("freeze", root, {{"state", "net/prod"}, {"reason", "ask ann"}});
  const Row freed = RowsOf("unlock", root, {{"state", "net/prod"}, {"id", "a"}})[0];
  STRCMP_EQUAL("FROZEN by admin:root: ask ann", TextIn("unlock", freed, "no_new_lock").c_str());
}

TEST(Locks, UnlockShowsWhoHoldsIt) {
  Is(Code::kOk, Put(Doc(1)));
  const std::string info =
      R"({"ID":"a","Operation":"OperationTypeApply","Who":"ann@build-7","Info":"job 17"})";
  Is(Code::kOk, service->Lock(grant, info).status.code());
  const std::string held = ErrorOf({{"state", "net/prod"}, {"reason", "gone"}}, root);
  STRCMP_CONTAINS("for OperationTypeApply from ann@build-7 (job 17) with the lock ID a",
                  held.c_str());
  STRCMP_CONTAINS("--id", held.c_str());
  CHECK(locker.Look(StateId::Of({"", "net", "prod"}))->holder.has_value());
}

TEST(Locks, AStateThatWasNeverWrittenCanBeUnlocked) {
  STRCMP_CONTAINS("there is no state", ErrorOf({{"state", "net/prod"}}, root).c_str());
  Is(Code::kOk, Lock("a"));
  STRCMP_EQUAL("ok", ErrorOf({{"state", "net/prod"}, {"yes", "true"}}, root).c_str());
  STRCMP_CONTAINS("there is no state", ErrorOf({{"state", "net/prod"}}, root).c_str());
}

TEST(Locks, ARightIsNeeded) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Lock("a"));
  const std::vector<Given> given = {{"state", "net/prod"}, {"id", "a"}};
  STRCMP_CONTAINS("does not allow", ErrorOf(given, Of("net", {Right::kSee, Right::kRead})).c_str());
  // One that may lock frees its own lock, and no other.
  STRCMP_CONTAINS("does not allow",
                  ErrorOf(given, Of("net", {Right::kSee, Right::kLock, Right::kWrite})).c_str());
  STRCMP_CONTAINS("there is no state", ErrorOf(given, Of("app", Rights::All())).c_str());
  STRCMP_EQUAL("ok", ErrorOf(given, Of("net", {Right::kSee, Right::kForce})).c_str());
}

// The list, `unlock` and the verb UNLOCK are of one mind about every lock and everybody.
TEST(Locks, WhatIsForcibleIsWhatUnlockFrees) {
  Is(Code::kOk, Put(Doc(1)));
  const Rights roles[] = {kRoleRead, kRolePlan, kRoleWrite, kRoleOperator, kRoleAdmin};
  for (const bool forced : {true, false}) {
    rules.force_unlock_enabled = forced;
    Restart();
    admin = std::make_unique<AdminService>(
        AdminParts{storage, locker, *kms, gate, *service, clock, rules, UploadRules()});
    for (const Rights holds : {kRolePlan, kRoleWrite}) {
      for (const char* holder : {"alice", "bob"}) {
        for (const Rights asks : roles) {
          Caller caller = Of("net", holds);
          caller.principal = holder;
          const std::string id = "lock" + std::to_string(++ids);
          Is(Code::kOk, service->Lock(GrantOf(caller, grant.key), Info(id)).status.code());
          const Caller alice = Of("net", asks);
          const bool own = caller.principal == alice.principal && !(asks == kRoleRead);
          const bool may =
              own || (forced && MayForce(GrantOf(alice, grant.key), *locker.Look(Id())->holder) &&
                      !(asks == kRoleRead));
          const std::string listed = In(RowsOf("locks", alice, {})[0], "forcible");
          STRCMP_EQUAL(may ? "true" : "false", listed.c_str());
          const std::string said = ErrorOf({{"state", "net/prod"}, {"id", id.c_str()}}, alice);
          if (may) STRCMP_EQUAL("ok", said.c_str());
          if (!may) STRCMP_CONTAINS("does not allow", said.c_str());
          CHECK(may != locker.Look(Id())->holder.has_value());
          Is(Code::kOk, service->Unlock(GrantOf(caller, grant.key), Info(id), "").status.code());
        }
      }
    }
  }
}

}  // namespace stateward
