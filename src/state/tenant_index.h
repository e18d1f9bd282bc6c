// Which tenants and which of their states exist, asked without their secrets.
//
// Kept by the means of the legacy claims: names of kinds of their own, never ones that the original
// could have made, since they are digests of other texts (docs/formats.md, "Claims"). A claim is
// for ever, so a project and name has a list of claims, one for each namespace that ever used it.
// Whether such a state still holds the name is for the caller to find out: it may be deleted.
//
// Thread-safe. Errors: kUnavailable, kCorruption; never kNotFound.
#ifndef STATEWARD_STATE_TENANT_INDEX_H_
#define STATEWARD_STATE_TENANT_INDEX_H_

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_set>

#include "stateward/name_claims.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

class TenantIndex {
 public:
  explicit TenantIndex(NameClaims& claims) : claims_(claims) {}

  // Whether the tenant is known: it wrote a state, or one of its blobs of the original was opened.
  Result<bool> HasTenant(const std::string& tenant);
  // A state of a tenant is about to be written: notes the tenant, and that it uses the name. Does
  // nothing for identified users. In `claims`, which may be a part of the write's transaction.
  Status Register(NameClaims& claims, const StateKey& key, const StateId& id);
  // The same for a blob of the original that was opened under the tenant's secret.
  Status RegisterOpened(const StateKey& key, const StateId& id);
  Result<bool> WasOpened(const StateId& tenants);

  // The tenants' states of this project and name, each once, in the order in which they came, until
  // `each` returns false or an error. Dropped ones are left out.
  Status EachOfName(const StateKey& key,
                    const std::function<Result<bool>(const StateId& tenants)>& each);

  // A tenant's state does not hold its name any more, now and later. The mark is for ever.
  Status MarkDropped(const StateId& tenants, const StateId& identified);

 private:
  bool Known(const std::string& claim);
  void Remember(const std::string& claim);
  Result<bool> IsClaimed(NameClaims& claims, const std::string& claim);
  Status Claim(NameClaims& claims, const std::string& claim, const StateId& id);
  Result<uint64_t> EndOfNames(NameClaims& claims, const StateKey& key);
  Status AddToNames(NameClaims& claims, const StateKey& key, const StateId& id);

  NameClaims& claims_;
  std::mutex mutex_;
  std::unordered_set<std::string> known_;  // claims that exist; bounded
};

}  // namespace stateward

#endif  // STATEWARD_STATE_TENANT_INDEX_H_
