// What stands at the end of the history of a grant's state, the original's state included.
#ifndef STATEWARD_STATE_NEWEST_H_
#define STATEWARD_STATE_NEWEST_H_

#include "history/history.h"
#include "state/legacy.h"
#include "stateward/authenticator.h"
#include "stateward/result.h"

namespace stateward {

using Newest = NewestRecord;

// As History::Look. The original's state is looked for only if `legacy_read`.
inline Result<Newest> LoadNewest(const History& history, const Grant& grant, const StateId& id,
                                 bool legacy_read) {
  return history.Look(id, legacy_read ? LegacyNamesOf(grant) : LegacyNames());
}

}  // namespace stateward

#endif  // STATEWARD_STATE_NEWEST_H_
