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

struct Newest {
  uint64_t head = 0;                     // number of the newest record of any kind; 0: none
  bool damaged = false;                  // what stands at the end cannot be read
  VersionInfo head_info;                 // of record `head`, unless that one is damaged or none
  std::optional<NewestVersion> version;  // the newest that is no no-op record; or the legacy state
  // Number of `version`, or of the damaged record that hides it: what a no-op record on top of
  // `head` is to name. 0: there never was a version of ours.
  uint64_t real = 0;
  std::string legacy_id;  // when `version` is the original's
};

// kUnavailable, kConflict: as ReadLegacy. Damage is no error here: `damaged` says so.
// No-op records on top cost one step, however many there are.
// The legacy state is looked for only if `legacy_read` and nothing of ours is there.
Result<Newest> LoadNewest(Storage& storage, Kms& kms, const std::string& store_id,
                          const Grant& grant, const StateId& id, bool legacy_read);
// The same without the original's state.
Result<Newest> LoadNewestRecord(Storage& storage, Kms& kms, const std::string& store_id,
                                const StateId& id);
// Opens the newest version; nullopt: the state never had one of ours. Errors as Storage and Kms.
Result<std::optional<Opened>> OpenNewest(Storage& storage, Kms& kms, const std::string& store_id,
                                         const StateId& id);
// One look at a state walks down while versions are pruned beside it: so often at most.
inline constexpr int kLooksAtNewest = 4;

}  // namespace stateward

#endif  // STATEWARD_STATE_NEWEST_H_
