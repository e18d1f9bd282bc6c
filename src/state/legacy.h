// The names of a grant under which the original kept its state.
#ifndef STATEWARD_STATE_LEGACY_H_
#define STATEWARD_STATE_LEGACY_H_

#include <optional>
#include <string>

#include "history/legacy.h"
#include "state/refusal.h"
#include "stateward/authenticator.h"

namespace stateward {

// Within a namespace of basic auth the first write decides, so no name is ambiguous there.
inline LegacyNames LegacyNamesOf(const Grant& grant) {
  return {grant.legacy_ids, grant.legacy_ambiguous && grant.key.tenant.empty()};
}

inline Result<std::optional<LegacyState>> ReadLegacy(NameClaims& claims, Kms& kms,
                                                     const Grant& grant, const StateId& id) {
  return ReadLegacy(claims, kms, LegacyNamesOf(grant), id);
}

// Why it said kConflict.
inline Refusal WhyNotOfThisName(NameClaims& claims, const Grant& grant) {
  for (const std::string& legacy_id : grant.legacy_ids) {
    const Result<std::optional<StateId>> claim = claims.LegacyClaim(legacy_id);
    if (claim.ok() && claim->has_value()) return Refusal::kNameTakenOver;
  }
  return Refusal::kNameShared;
}

}  // namespace stateward

#endif  // STATEWARD_STATE_LEGACY_H_
