// Whether a write may still be on its way when its lock is no longer held.
#ifndef STATEWARD_STATE_LATE_WRITES_H_
#define STATEWARD_STATE_LATE_WRITES_H_

#include "stateward/locker.h"
#include "stateward/records.h"

namespace stateward {

// False: under a lock that holds still no write is between its look and its append, and what such
// an append did it has done. True: a number that a record took must stay taken for kGapMs
// (state/pruner.h), or a write that looked before that one came finds it free, below the newest.
inline bool WritesMayOutliveLocks(const Records& records, const Locker& locker) {
  return records.WritesMayArriveLate() || !locker.HoldsStill();
}

}  // namespace stateward

#endif  // STATEWARD_STATE_LATE_WRITES_H_
