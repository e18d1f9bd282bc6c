// The blobs of terraform-backend (nimbolus/terraform-backend), which are only read; and claims,
// names of 64 hex digits that belong for ever to the first who asks (docs/formats.md, "Claims").
//
// Thread rule and errors: stateward/storage.h.
#ifndef STATEWARD_NAME_CLAIMS_H_
#define STATEWARD_NAME_CLAIMS_H_

#include <functional>
#include <optional>
#include <string>

#include "stateward/bytes.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

class NameClaims {
 public:
  virtual ~NameClaims() = default;
  // terraform-backend's blob under its legacy id (64 hex digits). kNotFound: none.
  virtual Result<Bytes> GetLegacy(const std::string& legacy_id) = 0;
  // Calls `each` for every blob of terraform-backend, in no order, until it returns false. A blob
  // that nobody has claimed is untouched: only terraform-backend ever wrote this state.
  // kUnavailable: the place cannot be listed; the detail names the right that may be missing.
  struct LegacyBlob {
    std::string legacy_id;
    bool claimed = false;
  };
  virtual Status ListLegacy(const std::function<bool(const LegacyBlob&)>& each) = 0;
  // Who claimed a legacy id by a first write: nullopt when nobody. ClaimLegacy makes the claim,
  // create-exclusive, and returns the claimant (perhaps another than `id`). Durable.
  virtual Result<std::optional<StateId>> LegacyClaim(const std::string& legacy_id) = 0;
  virtual Result<StateId> ClaimLegacy(const std::string& legacy_id, const StateId& id) = 0;
};

}  // namespace stateward

#endif  // STATEWARD_NAME_CLAIMS_H_
