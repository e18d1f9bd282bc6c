// The kept uploads of a state that gets another address go along: each may be the only copy of what
// an apply did.
//
// An upload has one name at the new address, so that a repeat makes no other. Thread-safe.
#ifndef STATEWARD_HISTORY_MOVED_UPLOADS_H_
#define STATEWARD_HISTORY_MOVED_UPLOADS_H_

#include "history/history.h"
#include "stateward/state.h"
#include "stateward/status.h"

namespace stateward {

// Makes those of `from` that `to` has not. kConflict: one cannot be read. Else as the backends.
Status CopyUploads(const History& history, const StateId& from, const StateKey& to);

// Those of `from` that `to` has go.
Status RemoveCopiedUploads(const History& history, const StateId& from, const StateId& to);

}  // namespace stateward

#endif  // STATEWARD_HISTORY_MOVED_UPLOADS_H_
