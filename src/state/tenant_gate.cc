#include "state/tenant_gate.h"

#include <utility>

#include "state/name_holder.h"
#include "state/never_absent.h"

namespace stateward {
// A secret is the whole access to its namespace, so who tries many is slowed down. A secret that is
// used for the first time is told from a guess by what is stored under it later.
Status TenantGate::Check(const Grant& grant, const StateId& id) {
  const std::string& tenant = grant.key.tenant;
  if (tenant.empty()) return Status();
  if (secrets_ != nullptr && secrets_->MustWait(grant.address, tenant)) {
    return {Code::kTooManyRequests, "too many unknown secrets from there"};
  }
  Result<bool> known = IsKnown(grant, id);
  if (!known.ok()) return std::move(known).status();
  if (*known) {
    CountKnown(grant);
    return Status();
  }
  if (secrets_ != nullptr) secrets_->CountUnknown(grant.address, tenant);
  if (rules_.new_tenants) return Status();
  return {Code::kUnauthenticated, "nothing is stored under this secret, and new ones are refused"};
}

void TenantGate::CountKnown(const Grant& grant) {
  if (secrets_ == nullptr || grant.key.tenant.empty()) return;
  secrets_->CountKnown(grant.address, grant.key.tenant);
}

Result<bool> TenantGate::IsKnown(const Grant& grant, const StateId& id) {
  Result<bool> known = index_.HasTenant(grant.key.tenant);
  if (!known.ok() || *known || !rules_.legacy_read) return known;
  Result<std::optional<LegacyState>> legacy = OpenLegacy(grant, id);
  if (legacy.ok()) return legacy->has_value();
  // There is a blob under this secret; what is wrong with it is for the verb to say.
  if (rules_.new_tenants) return true;
  return std::move(legacy).status();
}

// Answering does not depend on the note: the next one who opens the blob makes it again.
Result<std::optional<LegacyState>> TenantGate::OpenLegacy(const Grant& grant, const StateId& id) {
  Result<std::optional<LegacyState>> legacy = ReadLegacy(storage_, kms_, grant, id);
  if (!legacy.ok()) return NeverAbsent(std::move(legacy).status());
  if (legacy->has_value()) {
    Status noted = index_.RegisterOpened(grant.key, id);
    if (!noted.ok()) log_.Warning("a namespace in use could not be noted: " + noted.detail());
  }
  return legacy;
}

Status TenantGate::BeforeWrite(Storage& storage, const Grant& grant, const StateId& id) {
  return index_.Register(storage, grant.key, id);
}

// A state that lies in a namespace of the original's basic auth must not look like none to
// identified users.
Result<std::string> TenantGate::WhyHeld(const StateKey& key, const std::string& store_id) {
  Result<std::optional<StateId>> holder = HolderOfName(index_, storage_, kms_, store_id, key);
  if (!holder.ok()) return NeverAbsent(std::move(holder).status());
  if (!holder->has_value()) return std::string();
  return std::string(
      "a state of this name was stored with basic auth; `statewardctl adopt` gives it "
      "to identified users, `statewardctl drop-name` leaves it there and frees the name");
}

}  // namespace stateward
