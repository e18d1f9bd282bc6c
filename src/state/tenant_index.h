// Which tenants and which of their states exist, asked without their secrets.
//
// Kept by the means of the legacy claims: names of kinds of their own, never ones that the original
// could have made, since they are digests of other texts (docs/formats.md, "Claims").
//
// Thread-safe. Errors: kUnavailable, kCorruption; never kNotFound.
#ifndef STATEWARD_STATE_TENANT_INDEX_H_
#define STATEWARD_STATE_TENANT_INDEX_H_

#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>

#include "stateward/result.h"
#include "stateward/state.h"
#include "stateward/storage.h"

namespace stateward {

class TenantIndex {
 public:
  explicit TenantIndex(Storage& storage) : storage_(storage) {}

  // Whether anything was ever written by this tenant.
  Result<bool> HasTenant(const std::string& tenant);
  // A state of a tenant was written: notes the tenant, and that the name is in use. Does nothing
  // for identified users.
  Status Register(const StateKey& key, const StateId& id);
  // The first tenant's state of this project and name; nullopt: no tenant ever wrote one.
  Result<std::optional<StateId>> FirstOfName(const StateKey& key);

  // A tenant's state was given to identified users. The mark is for ever.
  Status MarkAdopted(const StateId& tenants, const StateId& identified);
  Result<bool> IsAdopted(const StateId& tenants);

 private:
  bool Known(const std::string& claim);
  void Remember(const std::string& claim);
  Status Claim(const std::string& claim, const StateId& id);

  Storage& storage_;
  std::mutex mutex_;
  std::unordered_set<std::string> known_;  // claims that exist; bounded
};

}  // namespace stateward

#endif  // STATEWARD_STATE_TENANT_INDEX_H_
