// Which blobs of terraform-backend become whose: a name that only stood somewhere proves nothing
// where two states share a blob.
#include "cli/adopt_plan.h"

#include <CppUTest/TestHarness.h>

#include <memory>
#include <string>
#include <utility>

#include "auth/basic.h"
#include "base/state_name.h"
#include "cli/adopter.h"
#include "doubles/original_blobs.h"
#include "doubles/tool_world.h"

namespace stateward {

TEST_GROUP(AdoptPlan) {
  // "network/prod-eu" and "network-prod/eu" have the same blob.
  const StateName owner{"network", "prod-eu"};
  const StateName other{"network-prod", "eu"};
  ToolWorld w;
  AdoptSources sources;

  void setup() override { sources.secrets.emplace_back("secret"); }
  Grant Under(bool secret, const StateName& name) {
    return secret ? *NamespaceGrant(SecretString("secret"), name) : PlainGrant(name);
  }
  void PutBlob(const Grant& from) {
    std::shared_ptr<const Suite> suite = *Suite::Load();
    w.storage->legacy[from.legacy_ids[0]] =
        SealAsOriginal(*suite, *Base64Decode(kToolWorldKey), TestDocument(1));
  }
  AdoptPlan Plan() { return *MakeAdoptPlan(w.b, w.store_id, sources); }
  // What a dry run says of it, and then a run.
  void Given(const AdoptPlan& plan, const StateName& name) {
    LONGS_EQUAL(0, plan.refused.size());
    LONGS_EQUAL(1, plan.ready.size());
    STRCMP_EQUAL((name.first + "/" + name.second).c_str(), StateText(plan.ready[0].key).c_str());
    auto states = w.Serve(true);
    const AdminService service({*w.b.storage, *w.b.locker, *w.b.kms, *w.gate, *states, w.clock,
                                StateRules(), UploadRules()});
    Adopter adopter(service, w.store_id, "admin:test");
    CHECK(adopter.Look(plan.ready[0]).ok());
    CHECK(adopter.Adopt(plan.ready[0]).ok());
    CHECK(w.Serve(false)->Get(PlainGrant(name)).status.ok());
  }
  void Refused(const std::string& part) {
    const AdoptPlan plan = Plan();
    LONGS_EQUAL(0, plan.ready.size());
    LONGS_EQUAL(1, plan.refused.size());
    STRCMP_CONTAINS(part.c_str(), plan.refused[0].c_str());
    STRCMP_CONTAINS("--names", plan.refused[0].c_str());
  }
};

TEST(AdoptPlan, AHintIsNotEnoughForABlobThatTwoNamesShare) {
  for (const bool secret : {true, false}) {
    PutBlob(Under(secret, owner));
    for (const StateName& hint : {owner, other}) {
      sources.hinted = {hint};
      Refused("put " + hint.first + "/" + hint.second + " into --names");
    }
    sources.hinted = {owner, other};
    Refused("network/prod-eu and network-prod/eu");
    w.storage->legacy.clear();
  }
}

TEST(AdoptPlan, TheNameThatWasGivenGetsTheBlobOfItsSecret) {
  PutBlob(Under(true, owner));
  sources.given = {owner};
  sources.hinted = {other};
  Given(Plan(), owner);
}

TEST(AdoptPlan, TheNameThatWasGivenGetsTheBlobWithoutASecret) {
  PutBlob(Under(false, owner));
  sources.given = {owner};
  sources.hinted = {other};
  Given(Plan(), owner);
}

TEST(AdoptPlan, OfTwoThatWereGivenNoneGetsIt) {
  PutBlob(Under(true, owner));
  sources.given = {owner, other};
  Refused("network/prod-eu and network-prod/eu");
}

TEST(AdoptPlan, AHintIsEnoughWhereNoOtherNameFits) {
  const StateName name{"network", "prod"};
  PutBlob(Under(true, name));
  sources.hinted = {name};
  Given(Plan(), name);
}

// Of a run that was killed.
TEST(AdoptPlan, AClaimSaysWhoseItIs) {
  const Grant from = Under(true, owner);
  PutBlob(from);
  CHECK(w.storage->ClaimLegacy(from.legacy_ids[0], StateId::Of(from.key)).ok());
  sources.hinted = {owner, other};
  Given(Plan(), owner);
}

}  // namespace stateward
