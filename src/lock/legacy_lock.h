// Locks that the original still holds (docs/lock.md, "Locks of terraform-backend").
#ifndef STATEWARD_LOCK_LEGACY_LOCK_H_
#define STATEWARD_LOCK_LEGACY_LOCK_H_

#include "stateward/bytes.h"
#include "stateward/locker.h"
#include "stateward/result.h"

namespace stateward {

// The record of a lock whose LockInfo the original stored. Its principal is "", its time 0, its
// base 0: the state has no version in the new form before the holder, or nobody, writes one.
// kUnavailable: not a LockInfo with an ID. Only force can free such a lock.
Result<LockRecord> ReadLegacyLock(ByteView lock_info);

}  // namespace stateward

#endif  // STATEWARD_LOCK_LEGACY_LOCK_H_
