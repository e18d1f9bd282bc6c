// Whose lock may be used, and by whom: over the verbs, with identified users.
#include "state/lock_rights.h"

#include <CppUTest/TestHarness.h>

#include <string>

#include "auth/policy_auth.h"
#include "auth/roles.h"
#include "unit/state/service_fixture.h"

namespace stateward {
namespace {

const std::string kToken(64, 'a');

struct LockRightsFixture : public ServiceFixture {
  Grant As(const std::string& principal, Rights role, const std::string& token = "") {
    Grant as = IdentifiedGrant({"", "p", "n"}, {role, false, {}});
    as.principal = principal;
    as.token_sha256 = token;
    return as;
  }
  Grant Expired(const std::string& token = kToken, Rights role = kRoleWrite) {
    Grant as = As("ci", role, token);
    as.expired = true;
    return as;
  }
  Code Lock(const Grant& as, const std::string& id) {
    StateAnswer answer = service->Lock(as, Text("{\"ID\":\"" + id + "\"}"));
    return answer.locked ? Code::kConflict : answer.status.code();
  }
  Code Unlock(const Grant& as, const std::string& id) {
    return service->Unlock(as, id.empty() ? SecretBytes() : Text("{\"ID\":\"" + id + "\"}"), "")
        .status.code();
  }
  Code Put(const Grant& as, int serial, const std::string& id = "") {
    return service->Put(as, id, Doc(serial)).status.code();
  }
  bool Held() { return locker.Look(StateId::Of({"", "p", "n"}))->holder.has_value(); }
};

}  // namespace

TEST_GROUP_BASE(LockRights, LockRightsFixture){};

// Each 423 shows the ID: it proves nothing.
TEST(LockRights, ALockBelongsToWhomTookIt) {
  Grant alice = As("alice", kRoleWrite);
  Grant bob = As("bob", kRoleWrite);
  Is(Code::kOk, Lock(alice, "a"));
  Is(Code::kPermissionDenied, Put(bob, 1, "a"));
  Is(Code::kPermissionDenied, Unlock(bob, "a"));
  Is(Code::kPermissionDenied, Unlock(bob, ""));
  CHECK(Held());
  LONGS_EQUAL(1, observer.kept);  // what bob sent is kept all the same
  Is(Code::kOk, Put(alice, 1, "a"));
  Is(Code::kOk, Unlock(alice, "a"));
}

TEST(LockRights, AnAdministratorMayUseAndForceEachLock) {
  Grant alice = As("alice", kRoleWrite);
  Grant root = As("root", kRoleAdmin);
  Is(Code::kOk, Lock(alice, "a"));
  Is(Code::kOk, Put(root, 1, "a"));
  Is(Code::kOk, Unlock(root, "a"));
  CHECK_FALSE(Held());
  // The client's retry without an ID frees nothing that was taken in between.
  Is(Code::kOk, Unlock(root, ""));
  Is(Code::kOk, Lock(alice, "b"));
  Is(Code::kConflict, Unlock(root, ""));
  CHECK(Held());
  clock.Advance(kForceRepeatMs);
  Is(Code::kOk, Unlock(root, ""));
  CHECK_FALSE(Held());
}

// Pipelines share a principal: the retry of one that freed its own lock must not free another's.
TEST(LockRights, ARetryWithoutAnIdFreesNoLaterLockOfTheSamePrincipal) {
  Grant ci = As("ci", kRoleWrite);
  Is(Code::kOk, Lock(ci, "a"));
  Is(Code::kOk, Unlock(ci, ""));
  Is(Code::kOk, Unlock(ci, ""));
  Is(Code::kOk, Lock(ci, "b"));
  clock.Advance(15000);
  Is(Code::kConflict, Unlock(ci, ""));
  CHECK(Held());
  Is(Code::kOk, Unlock(ci, "b"));
}

TEST(LockRights, AWriterMayForceAPlansLockAndNoOther) {
  Grant plan = As("plan", kRolePlan);
  Grant other = As("other", kRolePlan);
  Grant alice = As("alice", kRoleWrite);
  Is(Code::kOk, Lock(plan, "a"));
  Is(Code::kPermissionDenied, Unlock(other, "a"));
  Is(Code::kPermissionDenied, Unlock(other, ""));
  Is(Code::kPermissionDenied, Put(alice, 1, "a"));
  Is(Code::kOk, Unlock(alice, ""));
  CHECK_FALSE(Held());
  Is(Code::kOk, Lock(plan, "b"));
  Is(Code::kOk, Unlock(alice, "b"));
  CHECK_FALSE(Held());
  // Free: nothing to force, and nothing wrong.
  Is(Code::kOk, Unlock(alice, ""));
  Is(Code::kOk, Unlock(other, ""));
}

TEST(LockRights, AnOperatorFreesEachLockAndUsesNone) {
  Grant alice = As("alice", kRoleWrite);
  Grant operate = As("oncall", kRoleOperator);
  Is(Code::kOk, Lock(alice, "a"));
  Is(Code::kPermissionDenied, Put(operate, 1, "a"));
  CHECK(Held());
  Is(Code::kOk, Unlock(operate, ""));
  CHECK_FALSE(Held());
  Is(Code::kOk, Lock(alice, "b"));
  Is(Code::kOk, Unlock(operate, "b"));
  CHECK_FALSE(Held());
}

TEST(LockRights, OnesOwnLockMayBeForced) {
  Grant plan = As("plan", kRolePlan);
  Is(Code::kOk, Lock(plan, "a"));
  Is(Code::kOk, Unlock(plan, ""));
  CHECK_FALSE(Held());
}

TEST(LockRights, ForceUnlockEnabledCountsForEverybody) {
  rules.force_unlock_enabled = false;
  Restart();
  Is(Code::kOk, Lock(As("alice", kRoleWrite), "a"));
  Is(Code::kPermissionDenied, Unlock(As("root", kRoleAdmin), ""));
  Is(Code::kPermissionDenied, Unlock(As("root", kRoleAdmin), "a"));
  CHECK(Held());
}

TEST(LockRights, AnExpiredTokenMayFinishWhatItsLockBegan) {
  Is(Code::kOk, Put(As("x", kRoleWrite), 1));
  Is(Code::kOk, Lock(As("ci", kRoleWrite, kToken), "a"));
  for (Verb verb : {Verb::kRead, Verb::kWrite, Verb::kUnlock}) {
    Is(Code::kOk, service->CheckGrace(Expired(), verb).code());
  }
  for (Verb verb : {Verb::kLock, Verb::kDelete, Verb::kForceUnlock, Verb::kOutputs}) {
    Is(Code::kUnauthenticated, service->CheckGrace(Expired(), verb).code());
  }
  Is(Code::kUnauthenticated,
     service->CheckGrace(Expired(std::string(64, 'b')), Verb::kRead).code());
  Is(Code::kOk, Put(Expired(), 2, "a"));
  Is(Code::kPermissionDenied, Unlock(Expired(), ""));
  Is(Code::kOk, Unlock(Expired(), "a"));
  // A repeat, and nothing else.
  Is(Code::kOk, service->CheckGrace(Expired(), Verb::kUnlock).code());
  Is(Code::kOk, Unlock(Expired(), "a"));
  Is(Code::kUnauthenticated, service->CheckGrace(Expired(), Verb::kRead).code());
  Is(Code::kConflict, Put(Expired(), 3));
  Is(Code::kConflict, Put(Expired(), 3, "a"));
}

TEST(LockRights, AnExpiredTokenWithoutALockIsNothing) {
  for (Verb verb : {Verb::kRead, Verb::kWrite, Verb::kUnlock, Verb::kLock}) {
    Is(Code::kUnauthenticated, service->CheckGrace(Expired(), verb).code());
  }
  // Another token's lock of the same principal is not this one's.
  Is(Code::kOk, Lock(As("ci", kRoleWrite, std::string(64, 'b')), "a"));
  for (Verb verb : {Verb::kRead, Verb::kWrite, Verb::kUnlock}) {
    Is(Code::kUnauthenticated, service->CheckGrace(Expired(), verb).code());
  }
}

TEST(LockRights, AForcedOutHoldersWriteIsKept) {
  Is(Code::kOk, Lock(As("ci", kRoleWrite, kToken), "a"));
  Is(Code::kOk, Unlock(As("root", kRoleAdmin), "a"));
  Is(Code::kOk, service->CheckGrace(Expired(), Verb::kWrite).code());
  Is(Code::kConflict, Put(Expired(), 1, "a"));
  LONGS_EQUAL(1, observer.kept);
  // The next run of the same pipeline holds the lock with a new token: the old one cannot touch it.
  Is(Code::kOk, Lock(As("ci", kRoleWrite, std::string(64, 'b')), "b"));
  Is(Code::kPermissionDenied, Put(Expired(), 2, "b"));
  Is(Code::kUnauthenticated, Unlock(Expired(), "b"));
  Is(Code::kOk, Unlock(Expired(), "a"));
  CHECK(Held());
}

TEST(LockRights, AnExpiredAdministratorIsNone) {
  Is(Code::kOk, Lock(As("alice", kRoleWrite), "a"));
  Is(Code::kPermissionDenied, Put(Expired(kToken, kRoleAdmin), 1, "a"));
  Is(Code::kUnauthenticated, Unlock(Expired(kToken, kRoleAdmin), "a"));
}

TEST(LockRights, TheLockServiceDecidesOrNobodyDoes) {
  locker.down = true;
  Is(Code::kUnavailable, service->CheckGrace(Expired(), Verb::kRead).code());
}

// A state in a namespace of basic auth must not look like none to identified users.
TEST(LockRights, AStateOfATenantIsNotLostFromSight) {
  Grant alice = As("alice", kRoleWrite);
  Is(Code::kNotFound, service->Get(alice).status.code());
  Grant tenant = *basic.Authorize({"basic", SecretString("s")}, {"", "p", "n"}, Verb::kWrite);
  Is(Code::kOk, Put(tenant, 1));
  StateAnswer answer = service->Get(alice);
  Is(Code::kConflict, answer.status.code());
  STRCMP_CONTAINS("statewardctl adopt", answer.hint.c_str());
  Is(Code::kConflict, service->Outputs(alice, std::nullopt).status.code());
  // Other names, and other secrets, are as before.
  Grant other = alice;
  other.key.name = "m";
  Is(Code::kNotFound, service->Get(other).status.code());
  Grant second = *basic.Authorize({"basic", SecretString("t")}, {"", "p", "n"}, Verb::kRead);
  Is(Code::kNotFound, service->Get(second).status.code());
  // Nothing is written over it unseen; an administrator's tool may.
  Is(Code::kConflict, Put(alice, 1));
  Is(Code::kConflict, Lock(alice, "a"));
  rules.hold_names = false;
  service =
      std::make_unique<StateService>(storage, locker, *kms, gate, clock, observer, log, rules);
  Is(Code::kOk, Put(alice, 1));
  Is(Code::kOk, service->Get(alice).status.code());
  Is(Code::kOk, service->Delete(As("root", kRoleAdmin), "").status.code());
  Is(Code::kNotFound, service->Get(alice).status.code());
}

TEST(LockRights, AnIndexThatCannotBeAskedIsAnOutage) {
  Grant alice = As("alice", kRoleWrite);
  storage.down = true;
  Is(Code::kUnavailable, service->Get(alice).status.code());
}

}  // namespace stateward
