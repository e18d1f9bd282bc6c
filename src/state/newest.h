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
  Status unreadable;                     // as NewestRecord::unreadable; of the legacy state, too
  VersionInfo head_info;                 // as NewestRecord::head_info
  std::optional<NewestVersion> version;  // the newest that is no no-op record; or the legacy state
  uint64_t real = 0;                     // as NewestRecord::real
  std::string legacy_id;                 // when `version` is the original's
};

// kUnavailable, kConflict: as ReadLegacy. What cannot be read is no error here: `unreadable`
// says why.
// The legacy state is looked for only if `legacy_read` and nothing of ours is there.
Result<Newest> LoadNewest(const History& history, const Grant& grant, const StateId& id,
                          bool legacy_read);

}  // namespace stateward

#endif  // STATEWARD_STATE_NEWEST_H_
