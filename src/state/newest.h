// What stands at the end of a state's history.
#ifndef STATEWARD_STATE_NEWEST_H_
#define STATEWARD_STATE_NEWEST_H_

#include <cstdint>
#include <optional>
#include <string>

#include "state/guard.h"
#include "stateward/authenticator.h"
#include "stateward/kms.h"
#include "stateward/result.h"
#include "stateward/storage.h"

namespace stateward {

// Burnt records stand in a row only when several forced releases follow each other without a write.
inline constexpr int kMaxBurntInARow = 1000;

struct Newest {
  uint64_t head = 0;                     // number of the newest record of any kind; 0: none
  bool damaged = false;                  // what stands at the end cannot be read
  VersionInfo head_info;                 // of record `head`, unless damaged or none
  std::optional<NewestVersion> version;  // the newest that is no burnt record; or the legacy state
  std::string legacy_id;                 // when `version` is the original's
};

// kUnavailable, kConflict: as ReadLegacy. Damage is no error here: `damaged` says so.
// The legacy state is looked for only if `legacy_read` and nothing of ours is there.
Result<Newest> LoadNewest(Storage& storage, Kms& kms, const std::string& store_id,
                          const Grant& grant, const StateId& id, bool legacy_read);

}  // namespace stateward

#endif  // STATEWARD_STATE_NEWEST_H_
