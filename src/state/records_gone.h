// Records that are gone from the end of a state's history (docs/storage.md, "Records that are
// gone"). What is left is an older version or nothing, and must not be taken for the newest.
#ifndef STATEWARD_STATE_RECORDS_GONE_H_
#define STATEWARD_STATE_RECORDS_GONE_H_

#include <cstdint>

#include "stateward/locker.h"
#include "stateward/records.h"
#include "stateward/state.h"
#include "stateward/status.h"

namespace stateward {

// What the lock remembers (LockView::mark) against the newest record that is there. kUnavailable:
// records are gone.
Status CheckMark(uint64_t mark, uint64_t head);

// For who did not read the head in one step with the lock: what was written since then is looked
// for again. `seen`: the newest record then. kCorruption: records are gone. Else as the storage.
Status CheckMarkAgain(uint64_t mark, Records& records, const StateId& id, uint64_t seen);

// The same, with the lock asked for its mark. A lock that cannot be told remembers nothing.
Status CheckNothingGone(Locker& locker, const LockKey& key, Records& records, uint64_t seen);

}  // namespace stateward

#endif  // STATEWARD_STATE_RECORDS_GONE_H_
