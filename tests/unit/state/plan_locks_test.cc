// Plan locks through the verbs (docs/lock.md, "Plan locks").
#include <CppUTest/TestHarness.h>

#include <string>

#include "auth/roles.h"
#include "base/json.h"
#include "unit/state/service_fixture.h"

namespace stateward {
namespace {

std::string Member(const StateAnswer& answer, const char* name) {
  return ParseSmallJson(answer.holder)->String(name).value_or("");
}

bool Has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_GROUP_BASE(PlanLocks, ServiceFixture) {
  Grant ann;  // may write

  void setup() override {
    ServiceFixture::setup();
    rules.plan_locks.shared = true;
    Restart();
    ann = grant;
    ann.principal = "user:ann";
    ann.rights = kRoleWrite;
  }
  StateAnswer Plan(const Grant& who, const std::string& id) {
    return service->Lock(who, Info(id, "OperationTypePlan"));
  }
  bool Takes(const StateAnswer& answer) { return answer.status.ok() && !answer.locked; }
};

TEST(PlanLocks, PlansShareWhereTheSettingsSayIt) {
  CHECK(Takes(Plan(grant, "p")) && Takes(Plan(ann, "q")));
  Is(Code::kConflict, Lock("w"));
  Is(Code::kOk, Unlock("p"));
  ann.plan_locks = PlanLocks();  // the policy's word for this project
  CHECK(Plan(ann, "r").locked);
  Is(Code::kOk, service->Unlock(ann, Info("q"), "").status.code());
  rules.plan_locks.shared = false;
  Restart();
  ann.plan_locks.reset();
  CHECK(Takes(Plan(grant, "s")));
  CHECK(Plan(ann, "t").locked);
}

// Servers that disagree: one that does not share takes plans for a lock like any other.
TEST(PlanLocks, PlansAreExclusiveForAServerThatDoesNotShareThem) {
  CHECK(Takes(Plan(grant, "p")));
  rules.plan_locks.shared = false;
  Restart();
  CHECK(Takes(Plan(grant, "p")));  // a repeat of what the other server granted
  CHECK(Plan(grant, "q").locked);
  Is(Code::kConflict, Put(Doc(1)));
  rules.plan_locks.shared = true;
  Restart();
  CHECK(Takes(Plan(grant, "r")));  // that try held nothing back
  Is(Code::kOk, Unlock("p"));
}

TEST(PlanLocks, TheRolePlanHoldsPlanLocksOnly) {
  Grant planner = grant;
  planner.principal = "user:pat";
  planner.rights = kRolePlan;
  CHECK(Takes(service->Lock(planner, Info("a", "OperationTypeApply"))));
  CHECK(Takes(Plan(grant, "p")));
  // Who may write may free it, by its ID.
  Is(Code::kOk, service->Unlock(ann, Info("a"), "").status.code());
  const StateAnswer refused = service->Unlock(ann, Info("p"), "");
  Is(Code::kPermissionDenied, refused.status.code());
  STRCMP_CONTAINS("the lock belongs to another principal", refused.hint.c_str());
  STRCMP_CONTAINS("ask its holder or an administrator", refused.action.c_str());
}

TEST(PlanLocks, AWriterIsToldOfThePlansAndAPlanOfTheWriter) {
  CHECK(Takes(Plan(grant, "p")));
  StateAnswer met = service->Lock(ann, Info("w"));
  CHECK(met.locked);
  STRCMP_EQUAL("p", Member(met, "ID").c_str());
  Is(Code::kOk, Unlock("p"));
  StateAnswer waits = Plan(grant, "q");
  CHECK(waits.locked && Has(Member(waits, "ID"), "a write waits for the lock: user:ann since"));
  CHECK(Has(Member(waits, "Info"), "the lock ID of the write is w"));
  CHECK(Takes(service->Lock(ann, Info("w"))));
  Is(Code::kOk, service->Unlock(ann, Info("w"), "").status.code());
  for (const char* id : {"q", "r", "s", "t"}) CHECK(Takes(Plan(ann, id)));
  met = service->Lock(grant, Info("x"));
  CHECK(Has(Member(met, "ID"), "4 plans hold it: user:ann since "));
  CHECK(Has(Member(met, "ID"), ", and 1 more"));
  CHECK(Has(Member(met, "Info"), "with the lock ID t"));
}

TEST(PlanLocks, NobodyWritesWhilePlansHold) {
  Is(Code::kOk, Put(Doc(1)));
  CHECK(Takes(Plan(grant, "p")));
  for (const char* id : {"", "p", "x"}) Is(Code::kConflict, Put(Doc(2), id));
  Is(Code::kConflict, Delete());
  LONGS_EQUAL(1, Kept());  // the same bytes
  Holds(Doc(1));
  CHECK(Has(service->Put(grant, "p", Doc(2)).hint, "is a plan's"));
  CHECK(Has(service->Put(ann, "p", Doc(2)).hint, "is a plan's"));
  Is(Code::kOk, Unlock("p"));
  Is(Code::kOk, Put(Doc(2)));
}

TEST(PlanLocks, AnEmptyUnlockFreesOnesOwnAndAnAdministratorsAll) {
  for (const char* id : {"p", "q"}) CHECK(Takes(Plan(ann, id)));
  CHECK(Takes(Plan(grant, "r")));
  Grant bob = ann;
  bob.principal = "user:bob";
  StateAnswer refused = service->Unlock(bob, {}, "");
  Is(Code::kPermissionDenied, refused.status.code());
  CHECK(Has(refused.hint, "held by user:ann"));
  StateAnswer freed = service->Unlock(ann, {}, "");
  Is(Code::kOk, freed.status.code());
  LONGS_EQUAL(2, freed.freed.size());
  STRCMP_EQUAL("p q", freed.lock_id.c_str());
  Is(Code::kOk, service->Unlock(ann, {}, "").status.code());  // its repeat
  CHECK(service->HasLock(grant, "r") && !service->HasLock(grant, "p"));
  freed = service->Unlock(grant, {}, "");
  STRCMP_EQUAL("r", freed.lock_id.c_str());
  CHECK_FALSE(service->HasLock(grant, ""));
}

TEST(PlanLocks, AnExpiredTokenIsGoodForItsOwnPlan) {
  ann.token_sha256 = std::string(64, 'a');
  CHECK(Takes(Plan(ann, "p")));
  ann.expired = true;
  CHECK(service->CheckGrace(ann, Verb::kRead).ok());
  CHECK(service->CheckGrace(ann, Verb::kUnlock).ok());
  Is(Code::kUnauthenticated, service->CheckGrace(ann, Verb::kLock).code());
  Grant other = ann;
  other.token_sha256 = std::string(64, 'b');
  Is(Code::kUnauthenticated, service->CheckGrace(other, Verb::kRead).code());
  Is(Code::kUnauthenticated, service->Unlock(other, Info("p"), "").status.code());
  Is(Code::kOk, service->Unlock(ann, Info("p"), "").status.code());
  CHECK(service->CheckGrace(ann, Verb::kUnlock).ok());
  Is(Code::kUnauthenticated, service->CheckGrace(ann, Verb::kRead).code());
}

TEST(PlanLocks, AWriterThatMayNotHoldPlansBackWaitsAllTheSame) {
  rules.plan_locks.writer_wait_s = 0;
  Restart();
  CHECK(Takes(Plan(grant, "p")));
  CHECK(service->Lock(ann, Info("w")).locked);
  CHECK(Takes(Plan(grant, "q")));
}

}  // namespace stateward
