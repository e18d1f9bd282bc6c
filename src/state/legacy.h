// The names of a grant under which the original kept its state.
#ifndef STATEWARD_STATE_LEGACY_H_
#define STATEWARD_STATE_LEGACY_H_

#include <optional>

#include "history/legacy.h"
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

}  // namespace stateward

#endif  // STATEWARD_STATE_LEGACY_H_
