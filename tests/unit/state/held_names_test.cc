// What identified users are told of absent names while blobs of the original may be them.
#include "state/held_names.h"

#include <CppUTest/TestHarness.h>

#include <memory>
#include <string>

#include "auth/roles.h"
#include "base/json.h"
#include "unit/state/service_fixture.h"

namespace stateward {

TEST_GROUP_BASE(HeldNames, ServiceFixture) {
  std::unique_ptr<Untouched> untouched;
  const std::string blob = std::string(64, 'b');

  void setup() override {
    ServiceFixture::setup();
    grant = Grant();
    grant.key = {"", "network", "prod"};
    grant.principal = "alice";
    grant.rights = kRoleAdmin;
    storage.legacy[blob] = {1, 2, 3};
    Serve(true);
  }
  void teardown() override { service.reset(); }  // before what it uses
  void Serve(bool new_identities) {
    service.reset();
    untouched.reset();
    if (new_identities) {
      untouched = std::make_unique<Untouched>(storage, gate, PosixDisk(), clock, "");
    }
    if (untouched) (void)untouched->Recount();
    service = std::make_unique<StateService>(storage, locker, *kms, gate, clock, observer, log,
                                             rules, nullptr, untouched.get());
  }
  StateAnswer Lock() {
    return service->Lock(grant, Text("{\"ID\":\"x\",\"Operation\":\"OperationTypeApply\"}"));
  }
  StateAnswer Put() {
    return service->Put(grant, "", Text("{\"version\":4,\"serial\":1,\"lineage\":\"L\"}"));
  }
  void Is(Code want, const StateAnswer& answer) { ServiceFixture::Is(want, answer.status.code()); }
  void IsFree() {
    Is(Code::kNotFound, service->Get(grant));
    Is(Code::kOk, Put());
    Is(Code::kOk, service->Get(grant));
  }
};

TEST(HeldNames, EachVerbWhileABlobMayBeTheState) {
  StateAnswer get = service->Get(grant);
  Is(Code::kConflict, get);
  STRCMP_CONTAINS("adopt --all", get.hint.c_str());
  STRCMP_CONTAINS("adopt --done", get.hint.c_str());
  STRCMP_CONTAINS("ask the administrator", get.action.c_str());
  StateAnswer lock = Lock();
  CHECK(lock.locked);
  Result<JsonObject> info = ParseSmallJson(Text(lock.holder));
  STRCMP_EQUAL(get.hint.c_str(), info->String("ID")->c_str());
  STRCMP_EQUAL(get.hint.c_str(), info->String("Info")->c_str());
  Is(Code::kConflict, Put());
  LONGS_EQUAL(1, storage.ListUploads()->size());
  Is(Code::kConflict, service->Delete(grant, ""));
  LONGS_EQUAL(1, storage.ListUploads()->size());
  Is(Code::kOk, service->Unlock(grant, Text("{\"ID\":\"x\"}"), ""));
  Is(Code::kOk, service->Unlock(grant, Text("{\"ID\":\"" + get.hint + "\"}"), ""));
  LONGS_EQUAL(0, *storage.Count());
  LONGS_EQUAL(1, storage.listings);  // no request costs one
}

// "network-prod","eu" and "network","prod-eu" have one id; and once it is taken over, only one of
// them has the state.
TEST(HeldNames, EachVerbWhileTwoNamesMayBeTheState) {
  grant.key = {"", "network-prod", "eu"};
  grant.legacy_ids = {LegacyId(grant.key)};
  grant.legacy_ambiguous = true;
  storage.legacy[grant.legacy_ids[0]] = {1, 2, 3};
  for (const char* part : {"--names", "under another name"}) {
    const StateAnswer get = service->Get(grant);
    Is(Code::kConflict, get);
    STRCMP_CONTAINS(part, (get.hint + "; " + get.action).c_str());
    const StateAnswer lock = Lock();
    CHECK(lock.locked);
    STRCMP_CONTAINS(part, ParseSmallJson(Text(lock.holder))->String("ID")->c_str());
    const StateAnswer put = Put();
    Is(Code::kConflict, put);
    STRCMP_CONTAINS(part, put.hint.c_str());
    CHECK_FALSE(put.upload.empty());
    Is(Code::kConflict, service->Delete(grant, ""));
    CHECK(storage.ClaimLegacy(grant.legacy_ids[0], StateId::Of({"", "network", "prod-eu"})).ok());
  }
  LONGS_EQUAL(0, *storage.Count());
}

TEST(HeldNames, AnUnlockWithABadIdIsStillRefusedElsewhere) {
  CHECK(storage.ClaimLegacy(blob, StateId::Of(grant.key)).ok());
  LONGS_EQUAL(0, *untouched->Recount());
  Is(Code::kInvalidArgument, service->Unlock(grant, Text("{\"ID\":\"a b\"}"), ""));
}

TEST(HeldNames, FreeOnceTheBlobsAreTakenOver) {
  CHECK(storage.ClaimLegacy(blob, StateId::Of({"tenant", "a", "b"})).ok());
  Is(Code::kConflict, service->Get(grant));  // as counted last
  LONGS_EQUAL(0, *untouched->Recount());
  IsFree();
}

TEST(HeldNames, FreeOnceTheyAreSaidToBeNobodys) {
  CHECK_FALSE(*untouched->IsDone());
  CHECK(MarkUntouchedDone(storage).ok());
  LONGS_EQUAL(1, *CountUntouched(storage));
  IsFree();
}

TEST(HeldNames, NamesMapAsInTheOriginalWithoutAPolicy) {
  Serve(false);
  IsFree();
}

TEST(HeldNames, NamespacesAreNotConcerned) {
  grant.key.tenant = "t";
  IsFree();
}

TEST(HeldNames, WhatIsThereGoesOn) {
  storage.legacy.clear();
  LONGS_EQUAL(0, *untouched->Recount());
  Is(Code::kOk, Put());
  storage.legacy[blob] = {1, 2, 3};
  LONGS_EQUAL(1, *untouched->Recount());
  for (int round = 0; round < 2; ++round) {
    Is(Code::kOk, service->Get(grant));
    StateAnswer lock = Lock();
    CHECK_FALSE(lock.locked);
    Is(Code::kOk, lock);
    Is(Code::kOk, service->Put(grant, "x", Text("{\"serial\":2,\"lineage\":\"L\"}")));
    Is(Code::kOk, service->Unlock(grant, Text("{\"ID\":\"x\"}"), ""));
    Serve(true);
    clock.Advance(int64_t{25} * 60 * 60 * 1000);
  }
  // And what identified users deleted is gone, not elsewhere.
  Is(Code::kOk, service->Delete(grant, ""));
  Is(Code::kNotFound, service->Get(grant));
}

TEST(HeldNames, AdministratorsWrite) {
  rules.hold_names = false;
  Serve(true);
  Is(Code::kOk, Put());
}

TEST(HeldNames, APlaceThatCannotBeListedIs503AndNamesTheRight) {
  storage.unlistable = true;
  Serve(true);
  StateAnswer answers[] = {service->Get(grant), Lock(), Put(), service->Delete(grant, "")};
  for (const StateAnswer& answer : answers) {
    Is(Code::kUnavailable, answer);
    CHECK_FALSE(answer.locked);
    STRCMP_CONTAINS("the right to list", answer.hint.c_str());
    STRCMP_CONTAINS("adopt --done", answer.hint.c_str());
  }
  CHECK(MarkUntouchedDone(storage).ok());
  IsFree();
}

TEST(HeldNames, AListingThatFailsLaterLeavesTheCount) {
  storage.unlistable = true;
  CHECK_FALSE(untouched->Recount().ok());
  Is(Code::kConflict, service->Get(grant));
}

TEST(HeldNames, AnOutageIsNoAnswer) {
  storage.down = true;
  Is(Code::kUnavailable, service->Get(grant));
  Is(Code::kUnavailable, Lock());
  Is(Code::kUnavailable, Put());
}

}  // namespace stateward
