#include "history/legacy.h"

#include <utility>

namespace stateward {

Result<std::optional<LegacyState>> ReadLegacy(NameClaims& claims, Kms& kms,
                                              const LegacyNames& names, const StateId& id) {
  for (const std::string& legacy_id : names.ids) {
    Result<Bytes> blob = claims.GetLegacy(legacy_id);
    if (!blob.ok()) {
      if (blob.status().code() == Code::kNotFound) continue;
      return std::move(blob).status().At("legacy state");
    }
    Result<std::optional<StateId>> claim = claims.LegacyClaim(legacy_id);
    if (!claim.ok()) return std::move(claim).status().At("legacy claim");
    if (claim->has_value() && !(**claim == id)) {
      return Status(Code::kConflict, "legacy state " + legacy_id + " was taken over as state " +
                                         (*claim)->hex() + ", whose name it shares");
    }
    if (!claim->has_value() && names.ambiguous) {
      return Status(Code::kConflict, "legacy state " + legacy_id +
                                         " may belong to more than one project and name; adopt it "
                                         "by its name with statewardctl");
    }
    Result<SecretBytes> document = kms.OpenLegacy(*blob);
    if (!document.ok()) return std::move(document).status().At("legacy state");
    return std::optional<LegacyState>(LegacyState{legacy_id, std::move(*document)});
  }
  return std::optional<LegacyState>();
}

}  // namespace stateward
