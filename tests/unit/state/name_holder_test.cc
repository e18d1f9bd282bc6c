// Which state of a namespace of basic auth keeps identified users from its name, and which does
// not (any more).
#include "state/name_holder.h"

#include <CppUTest/TestHarness.h>

#include <cstdio>
#include <memory>
#include <string>

#include "auth/roles.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "state/tenant_index.h"
#include "unit/state/service_fixture.h"

namespace stateward {
namespace {

Bytes ReadBytes(const std::string& path) {
  Bytes bytes;
  FILE* f = fopen(path.c_str(), "rb");
  if (f == nullptr) return bytes;
  for (int c = fgetc(f); c != EOF; c = fgetc(f)) bytes.push_back(static_cast<uint8_t>(c));
  fclose(f);
  return bytes;
}

}  // namespace

TEST_GROUP_BASE(NameHolder, ServiceFixture) {
  const StateKey key{"", "network", "prod"};
  int serial = 0;

  Grant Tenant(const std::string& secret) {
    return *basic.Authorize({"basic", SecretString(secret)}, key, Verb::kWrite);
  }
  Grant Identified() {
    Grant alice;
    alice.key = key;
    alice.principal = "alice";
    alice.rights = kRoleAdmin;
    return alice;
  }
  // Serials grow, so that a write behind a deletion is one that goes on.
  void Put(const Grant& writer, Code want = Code::kOk) {
    std::string text =
        "{\"version\":4,\"serial\":" + std::to_string(++serial) + ",\"lineage\":\"L\"}";
    Code got = service->Put(writer, "", SecretBytes(text.begin(), text.end())).status.code();
    STRCMP_EQUAL(std::string(CodeName(want)).c_str(), std::string(CodeName(got)).c_str());
  }
  void Delete(const Grant& writer) { CHECK(service->Delete(writer, "").status.ok()); }
  // What identified users get where they have no state of this name.
  void Free() { CHECK(service->Get(Identified()).status.code() == Code::kNotFound); }
  void Held() { CHECK(service->Get(Identified()).status.code() == Code::kConflict); }
};

// A writer that was killed between its place and the mark takes another place when it comes again.
TEST(NameHolder, AStateThatWasNamedTwiceIsOne) {
  Put(Tenant("squatter"));
  const StateId id = StateId::Of(Tenant("squatter").key);
  const std::string place = "stateward name v1:" + StateId::Of(key).hex() + ":1";
  CHECK(*storage.ClaimLegacy(HexEncode(Sha256(place)), id) == id);
  TenantIndex index(storage);
  int count = 0;
  CHECK(index
            .EachOfName(key,
                        [&count](const StateId&) -> Result<bool> {
                          ++count;
                          return true;
                        })
            .ok());
  LONGS_EQUAL(1, count);
}

TEST(NameHolder, WhatWasDeletedHoldsNothing) {
  Free();
  Put(Tenant("squatter"));
  Held();
  Delete(Tenant("squatter"));
  Free();
}

// Clients that were not told of the new address still ask at the old one.
TEST(NameHolder, WhatHasAnotherAddressHoldsItsOldName) {
  const Grant tenant = Tenant("squatter");
  Put(tenant);
  SealedInfo info;
  info.key = tenant.key;
  info.version.kind = RecordKind::kMoved;
  info.version.moved_to = "network/new";
  Bytes sealed;
  const std::string store_id = storage.ReadIdentity()->store_id;
  CHECK(
      History(storage, *kms, store_id).Append(StateId::Of(tenant.key), 1, info, {}, &sealed).ok());
  Held();
  TenantIndex index(storage);
  CHECK(index.MarkDropped(StateId::Of(tenant.key), StateId::Of(key)).ok());
  Free();
}

TEST(NameHolder, WhatIdentifiedUsersWereGivenHoldsNothing) {
  Put(Tenant("squatter"));
  CHECK(service->GiveToIdentified(Tenant("squatter"), "").status.ok());
  Free();
  CHECK(service->Get(Tenant("squatter")).status.code() == Code::kConflict);
}

TEST(NameHolder, EachNamespaceCountsWhoeverCameFirst) {
  for (int i = 0; i < 9; ++i) Put(Tenant("secret-" + std::to_string(i)));
  for (int i = 0; i < 9; ++i) {
    Held();
    Delete(Tenant("secret-" + std::to_string(i)));
    Restart();
  }
  Free();
  Put(Tenant("secret-3"));
  Held();
}

TEST(NameHolder, ADroppedNameIsFreeForGood) {
  Put(Tenant("squatter"));
  TenantIndex index(storage);
  std::string store_id = storage.ReadIdentity()->store_id;
  Result<std::optional<StateId>> holder = HolderOfName(index, storage, *kms, store_id, key);
  CHECK(holder.ok() && holder->has_value());
  CHECK(**holder == StateId::Of(Tenant("squatter").key));
  CHECK(index.MarkDropped(**holder, StateId::Of(key)).ok());
  Free();
  Delete(Tenant("squatter"));
  Put(Tenant("squatter"));
  Free();
  CHECK(service->Get(Tenant("squatter")).status.ok());
  Put(Tenant("another"));
  Held();
}

TEST(NameHolder, WhatCannotBeReadHolds) {
  Grant tenant = Tenant("s");
  Put(tenant);
  storage.DamageFront(StateId::Of(tenant.key), 1);
  Held();
}

// The original's blob under a secret (tests/data/seed): it makes the namespace known, and the name
// taken, once it was read.
TEST(NameHolder, AnOpenedBlobOfTheOriginal) {
  rules.new_tenants = false;
  Restart();
  Grant tenant = *basic.Authorize({"basic", SecretString("s3cret-one")}, key, Verb::kRead);
  storage.legacy[tenant.legacy_ids[0]] =
      ReadBytes("tests/data/seed/fs/" + tenant.legacy_ids[0] + ".tfstate");
  Grant other = tenant;
  other.key.name = "new";
  other.legacy_ids.clear();
  Put(other, Code::kUnauthenticated);
  Free();
  CHECK(service->Get(tenant).status.ok());
  Held();
  Put(other);
  Delete(tenant);
  Free();
}

// A first write whose name cannot be claimed stores nothing; its repeat is like the first.
TEST(NameHolder, AWriteIsClaimedBeforeItIsStored) {
  Grant tenant = Tenant("s");
  storage.no_claims = true;
  Put(tenant, Code::kUnavailable);
  UNSIGNED_LONGS_EQUAL(0, *storage.Head(StateId::Of(tenant.key)));
  storage.no_claims = false;
  Free();
  Put(tenant);
  Held();
}

// Counts as the throttle does, without its limits.
class CountingGuard : public SecretGuard {
 public:
  bool MustWait(const std::string&, const std::string&) override { return shut; }
  void CountUnknown(const std::string& address, const std::string&) override {
    unknown += address == "1.2.3.4" ? 1 : 0;
  }
  void CountKnown(const std::string&, const std::string&) override { ++known; }
  bool shut = false;
  int unknown = 0;
  int known = 0;
};

TEST(NameHolder, SecretsAreCountedAsKnownOrNot) {
  CountingGuard guard;
  service = std::make_unique<StateService>(storage, locker, *kms, gate, clock, observer, log, rules,
                                           &guard);
  Credentials credentials{"basic", SecretString("new")};
  credentials.address = "1.2.3.4";
  Grant tenant = *basic.Authorize(credentials, key, Verb::kWrite);
  CHECK(service->Get(tenant).status.code() == Code::kNotFound);
  LONGS_EQUAL(1, guard.unknown);
  LONGS_EQUAL(0, guard.known);
  Put(tenant);  // no guess after all
  LONGS_EQUAL(2, guard.unknown);
  LONGS_EQUAL(1, guard.known);
  CHECK(service->Get(tenant).status.ok());
  LONGS_EQUAL(2, guard.known);
  LONGS_EQUAL(2, guard.unknown);
  guard.shut = true;
  CHECK(service->Get(tenant).status.code() == Code::kTooManyRequests);
  CHECK(service->Get(Identified()).status.code() == Code::kConflict);
}

TEST(NameHolder, AClaimWithoutAVersionHoldsNothing) {
  TenantIndex index(storage);
  Grant tenant = Tenant("s");
  CHECK(index.Register(storage, tenant.key, StateId::Of(tenant.key)).ok());
  Free();
}

}  // namespace stateward
