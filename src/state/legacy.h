// Reads what the original wrote, where it lies (docs/formats.md, "Data of the original").
#ifndef STATEWARD_STATE_LEGACY_H_
#define STATEWARD_STATE_LEGACY_H_

#include <optional>
#include <string>

#include "stateward/authenticator.h"
#include "stateward/bytes.h"
#include "stateward/kms.h"
#include "stateward/name_claims.h"
#include "stateward/result.h"

namespace stateward {

struct LegacyState {
  std::string legacy_id;
  SecretBytes document;
};

// The original's document for this state, if there is one. REQUIRES: the state has no version and
// no tombstone of ours.
// kConflict: the legacy id stands for another state too: it was claimed by that one, or (for
// identified users) it is ambiguous and was not imported. kCorruption, kUnavailable: as the
// backends.
Result<std::optional<LegacyState>> ReadLegacy(NameClaims& claims, Kms& kms, const Grant& grant,
                                              const StateId& id);

}  // namespace stateward

#endif  // STATEWARD_STATE_LEGACY_H_
