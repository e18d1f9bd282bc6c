#include "state/tenant_index.h"

#include <utility>

#include "base/hex.h"
#include "base/sha256.h"

namespace stateward {
namespace {

// 64 bytes each; more only cost a look at the store again.
constexpr size_t kMaxKnown = 8192;

std::string TenantClaim(const std::string& tenant) {
  return HexEncode(Sha256("stateward tenant v1:" + tenant));
}

std::string NameClaim(const StateKey& key) {
  // The id of the same name without a tenant: injective in project and name.
  return HexEncode(Sha256("stateward name v1:" + StateId::Of({"", key.project, key.name}).hex()));
}

std::string AdoptedClaim(const StateId& id) {
  return HexEncode(Sha256("stateward adopted v1:" + id.hex()));
}

// A store that has lost its claims is an outage, not an answer.
Status NeverAbsent(Status status) {
  if (status.code() != Code::kNotFound) return status;
  return Status::Unavailable(status.detail());
}

}  // namespace

bool TenantIndex::Known(const std::string& claim) {
  std::lock_guard<std::mutex> hold(mutex_);
  return known_.count(claim) > 0;
}

void TenantIndex::Remember(const std::string& claim) {
  std::lock_guard<std::mutex> hold(mutex_);
  if (known_.size() < kMaxKnown) known_.insert(claim);
}

Status TenantIndex::Claim(const std::string& claim, const StateId& id) {
  if (Known(claim)) return Status();
  Result<std::optional<StateId>> there = storage_.LegacyClaim(claim);
  if (!there.ok()) return NeverAbsent(std::move(there).status());
  if (!there->has_value()) {
    Result<StateId> claimed = storage_.ClaimLegacy(claim, id);
    if (!claimed.ok()) return NeverAbsent(std::move(claimed).status());
  }
  Remember(claim);
  return Status();
}

Result<bool> TenantIndex::HasTenant(const std::string& tenant) {
  std::string claim = TenantClaim(tenant);
  if (Known(claim)) return true;
  Result<std::optional<StateId>> there = storage_.LegacyClaim(claim);
  if (!there.ok()) return NeverAbsent(std::move(there).status());
  if (there->has_value()) Remember(claim);
  return there->has_value();
}

Status TenantIndex::Register(const StateKey& key, const StateId& id) {
  if (key.tenant.empty()) return Status();
  STATEWARD_RETURN_IF_ERROR(Claim(TenantClaim(key.tenant), id));
  return Claim(NameClaim(key), id);
}

Result<std::optional<StateId>> TenantIndex::FirstOfName(const StateKey& key) {
  Result<std::optional<StateId>> there = storage_.LegacyClaim(NameClaim(key));
  if (!there.ok()) return NeverAbsent(std::move(there).status());
  return there;
}

Status TenantIndex::MarkAdopted(const StateId& tenants, const StateId& identified) {
  return Claim(AdoptedClaim(tenants), identified);
}

Result<bool> TenantIndex::IsAdopted(const StateId& tenants) {
  Result<std::optional<StateId>> there = storage_.LegacyClaim(AdoptedClaim(tenants));
  if (!there.ok()) return NeverAbsent(std::move(there).status());
  return there->has_value();
}

}  // namespace stateward
