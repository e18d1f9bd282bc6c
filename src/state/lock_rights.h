// What somebody may do with a lock, by who holds it. Pure, but for CheckGrace.
#ifndef STATEWARD_STATE_LOCK_RIGHTS_H_
#define STATEWARD_STATE_LOCK_RIGHTS_H_

#include "stateward/authenticator.h"
#include "stateward/locker.h"
#include "stateward/status.h"

namespace stateward {

// A state's lock, with the original's locks of it where those are read.
LockKey LockKeyOf(const Grant& grant, bool legacy_read);

// Which kind of lock is asked for: a plan lock where plans share it, if the LOCK says that it is of
// a plan or its principal may only plan. REQUIRES: operation and plan_only are set.
void AskForPlan(const PlanLocks& plan_locks, LockRecord* want);

// Release it by force: one's own; each lock for an administrator; a plan's for all who may write.
bool MayForce(const Grant& grant, const LockRecord& holder);

// Release it in one way or the other: one's own, and what MayForce says where the settings let
// locks be forced at all. Somebody who may neither lock nor force owns none: everybody knows
// the ID of terraform-backend's locks, which name nobody.
bool MayRelease(const Grant& grant, const LockRecord& holder, bool force_enabled);

// Write and unlock with its ID: one's own, and each lock for an administrator. With a token that
// has expired: only the lock that was taken with that very token.
bool MayUse(const Grant& grant, const LockRecord& holder);

// May a token that has expired, not longer ago than LOCK_GRACE, do this? While a lock is held that
// was taken with it: read, write, unlock. After that lock's release: write (which will be refused
// and kept) and unlock (a repeat). Nothing else: kUnauthenticated.
// REQUIRES: grant.expired
Status CheckGrace(Locker& locker, const LockKey& key, const Grant& grant, Verb verb);

}  // namespace stateward

#endif  // STATEWARD_STATE_LOCK_RIGHTS_H_
