// What the audit trail says of a state's lock.
#ifndef STATEWARD_ADMIN_LOCK_TRAIL_H_
#define STATEWARD_ADMIN_LOCK_TRAIL_H_

#include <cstdint>

#include "admin/admin_service.h"
#include "admin/lock_sessions.h"
#include "stateward/state.h"
#include "stateward/status.h"

namespace stateward {

// Adds the locks and releases of `key` that AUDIT_FILE and its rotated files tell. Files whose
// lines are all older than `since_ms` are not read. REQUIRES: AUDIT_FILE is set. kUnavailable: the
// trail cannot be read; else as the gate's Store and Kms::Open.
Status AddLockTrail(const AdminService& service, const StateKey& key, int64_t since_ms,
                    LockSessions* sessions);

}  // namespace stateward

#endif  // STATEWARD_ADMIN_LOCK_TRAIL_H_
