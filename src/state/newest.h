// What stands at the end of a state's history, the original's state below it included.
#ifndef STATEWARD_STATE_NEWEST_H_
#define STATEWARD_STATE_NEWEST_H_

#include <cstdint>
#include <optional>
#include <string>

#include "history/history.h"
#include "state/guard.h"
#include "stateward/authenticator.h"
#include "stateward/result.h"

namespace stateward {

struct Newest {
  uint64_t head = 0;                     // number of the newest record of any kind; 0: none
  bool damaged = false;                  // what stands at the end cannot be read
  VersionInfo head_info;                 // of record `head`, unless that one is damaged or none
  std::optional<NewestVersion> version;  // the newest that is no no-op record; or the legacy state
  uint64_t real = 0;                     // as NewestRecord::real
  std::string legacy_id;                 // when `version` is the original's
};

// kUnavailable, kConflict: as ReadLegacy. Damage is no error here: `damaged` says so.
// The legacy state is looked for only if `legacy_read` and nothing of ours is there.
Result<Newest> LoadNewest(const History& history, const Grant& grant, const StateId& id,
                          bool legacy_read);

}  // namespace stateward

#endif  // STATEWARD_STATE_NEWEST_H_
