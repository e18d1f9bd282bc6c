// What the audit trail says of a state's lock.
#ifndef STATEWARD_ADMIN_LOCK_TRAIL_H_
#define STATEWARD_ADMIN_LOCK_TRAIL_H_

#include <cstdint>

#include "admin/admin_service.h"
#include "admin/lock_sessions.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

struct TrailRead {
  bool whole = true;  // false: what stands before the last most_trail_bytes() was left out
};

// Adds the locks and releases of `key` that AUDIT_FILE and its rotated files tell. Files whose
// lines are all older than `since_ms` are not read. REQUIRES: AUDIT_FILE is set. kOverloaded: the
// trail is being read for somebody else. kUnavailable: it cannot be read; else as the gate's Store
// and Kms::Open.
Result<TrailRead> AddLockTrail(AdminService& service, const StateKey& key, int64_t since_ms,
                               LockSessions* sessions);

// Of answers where the trail was not read as a whole.
inline constexpr char kOlderLeftOut[] =
    "the audit trail is long: what stands before its last 64 MiB was left out; "
    "statewardctl on the server's host reads all of it";

}  // namespace stateward

#endif  // STATEWARD_ADMIN_LOCK_TRAIL_H_
