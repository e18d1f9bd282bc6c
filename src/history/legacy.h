// Reads what the original wrote, where it lies (docs/formats.md, "Data of terraform-backend").
#ifndef STATEWARD_HISTORY_LEGACY_H_
#define STATEWARD_HISTORY_LEGACY_H_

#include <optional>
#include <string>
#include <vector>

#include "stateward/bytes.h"
#include "stateward/kms.h"
#include "stateward/name_claims.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

// Under which ids the original kept a state.
struct LegacyNames {
  std::vector<std::string> ids;  // none: it is not asked for
  // They may stand for other states too: whose they are is known only once they are claimed.
  bool ambiguous = false;
};

struct LegacyState {
  std::string legacy_id;
  SecretBytes document;
};

// The original's document for this state, if there is one. REQUIRES: the state has no version and
// no tombstone of this server.
// kConflict: the legacy id stands for another state too: it was claimed by that one, or it is
// ambiguous and nobody has claimed it. kCorruption, kUnknownKey, kUnavailable: as the backends.
Result<std::optional<LegacyState>> ReadLegacy(NameClaims& claims, Kms& kms,
                                              const LegacyNames& names, const StateId& id);

}  // namespace stateward

#endif  // STATEWARD_HISTORY_LEGACY_H_
