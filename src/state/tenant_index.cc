#include "state/tenant_index.h"

#include <string>
#include <unordered_set>
#include <utility>

#include "base/hex.h"
#include "base/sha256.h"
#include "state/never_absent.h"

namespace stateward {
namespace {

// 64 bytes each; more only cost a look at the store again.
constexpr size_t kMaxKnown = 8192;

std::string TenantClaim(const std::string& tenant) {
  return HexEncode(Sha256("stateward tenant v1:" + tenant));
}

// The n-th namespace's state of a project and name, from 0. The id of the same name without a
// tenant is injective in project and name.
std::string NameClaim(const StateKey& key, uint64_t n) {
  std::string name = StateId::Of({"", key.project, key.name}).hex();
  return HexEncode(Sha256("stateward name v1:" + name + ":" + std::to_string(n)));
}

std::string Mark(const std::string& kind, const StateId& id) {
  return HexEncode(Sha256("stateward " + kind + " v1:" + id.hex()));
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

Result<bool> TenantIndex::IsClaimed(NameClaims& claims, const std::string& claim) {
  if (Known(claim)) return true;
  Result<std::optional<StateId>> there = claims.LegacyClaim(claim);
  if (!there.ok()) return NeverAbsent(std::move(there).status());
  if (there->has_value()) Remember(claim);
  return there->has_value();
}

Status TenantIndex::Claim(NameClaims& claims, const std::string& claim, const StateId& id) {
  Result<bool> there = IsClaimed(claims, claim);
  if (!there.ok()) return std::move(there).status();
  if (*there) return Status();
  Result<StateId> claimed = claims.ClaimLegacy(claim, id);
  // Not remembered: it may stand in a transaction that is still to end. Who reads it later does.
  return claimed.ok() ? Status() : NeverAbsent(std::move(claimed).status());
}

Result<bool> TenantIndex::HasTenant(const std::string& tenant) {
  return IsClaimed(claims_, TenantClaim(tenant));
}

Status TenantIndex::Register(NameClaims& claims, const StateKey& key, const StateId& id) {
  if (key.tenant.empty()) return Status();
  STATEWARD_RETURN_IF_ERROR(Claim(claims, TenantClaim(key.tenant), id));
  Result<bool> named = IsClaimed(claims, Mark("named", id));
  if (!named.ok()) return std::move(named).status();
  if (*named) return Status();
  STATEWARD_RETURN_IF_ERROR(AddToNames(claims, key, id));
  // Last: who breaks off before it is named twice, which EachOfName passes over.
  return Claim(claims, Mark("named", id), id);
}

Status TenantIndex::RegisterOpened(const StateKey& key, const StateId& id) {
  if (key.tenant.empty()) return Status();
  // First: a name that nothing was written to is held by what was opened alone.
  STATEWARD_RETURN_IF_ERROR(Claim(claims_, Mark("opened", id), id));
  return Register(claims_, key, id);
}

Result<bool> TenantIndex::WasOpened(const StateId& tenants) {
  return IsClaimed(claims_, Mark("opened", tenants));
}

// The list has no gaps, since a place is claimed only when the one before it is: its end is found
// in a number of looks that is logarithmic in its length.
Result<uint64_t> TenantIndex::EndOfNames(NameClaims& claims, const StateKey& key) {
  uint64_t taken = 0;  // places below it are
  uint64_t free = 1;   // places from free - 1 on are, once the first loop has ended
  for (;; free *= 2) {
    Result<bool> there = IsClaimed(claims, NameClaim(key, free - 1));
    if (!there.ok()) return std::move(there).status();
    if (!*there) break;
    taken = free;
  }
  uint64_t last = free - 1;
  while (taken < last) {
    uint64_t middle = taken + (last - taken) / 2;
    Result<bool> there = IsClaimed(claims, NameClaim(key, middle));
    if (!there.ok()) return std::move(there).status();
    if (*there) {
      taken = middle + 1;
    } else {
      last = middle;
    }
  }
  return taken;
}

Status TenantIndex::AddToNames(NameClaims& claims, const StateKey& key, const StateId& id) {
  Result<uint64_t> end = EndOfNames(claims, key);
  if (!end.ok()) return std::move(end).status();
  // Another one that is first leaves us the next place: each round is another namespace's gain.
  for (uint64_t n = *end;; ++n) {
    Result<StateId> claimed = claims.ClaimLegacy(NameClaim(key, n), id);
    if (!claimed.ok()) return NeverAbsent(std::move(claimed).status());
    if (*claimed == id) return Status();
  }
}

Status TenantIndex::EachOfName(const StateKey& key,
                               const std::function<Result<bool>(const StateId& tenants)>& each) {
  std::unordered_set<std::string> seen;
  for (uint64_t n = 0;; ++n) {
    Result<std::optional<StateId>> there = claims_.LegacyClaim(NameClaim(key, n));
    if (!there.ok()) return NeverAbsent(std::move(there).status());
    if (!there->has_value()) return Status();
    if (!seen.insert((*there)->hex()).second) continue;
    Result<bool> dropped = IsClaimed(claims_, Mark("dropped", **there));
    if (!dropped.ok()) return std::move(dropped).status();
    if (*dropped) continue;
    Result<bool> more = each(**there);
    if (!more.ok()) return std::move(more).status();
    if (!*more) return Status();
  }
}

Status TenantIndex::MarkDropped(const StateId& tenants, const StateId& identified) {
  return Claim(claims_, Mark("dropped", tenants), identified);
}

}  // namespace stateward
