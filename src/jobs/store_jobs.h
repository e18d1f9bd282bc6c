// The jobs of a store.
#ifndef STATEWARD_JOBS_STORE_JOBS_H_
#define STATEWARD_JOBS_STORE_JOBS_H_

#include <memory>
#include <string>
#include <vector>

#include "jobs/job.h"

namespace stateward {

// In the order in which they are done when all are due:
//   untouched  of each process, but one of a host counts: the original's untouched blobs, once a
//            minute (state/untouched.h)
//   counts   of each host: states and locks, once a minute
//   prune    of the store: HISTORY_KEEP, HISTORY_DAYS, KEPT_UPLOADS_DAYS and KEPT_UPLOADS_MAX_BYTES
//            for all states and kept uploads, once an hour, 50 states a second
//   examine  of the store: opens the newest record of each state in turn, a round a day, at most 5
//            states and 20 MB a second; a damaged one is logged by its id and counted
std::vector<std::unique_ptr<Job>> StoreJobs();

// Found() names of what they count.
inline constexpr char kStoredObjects[] = "stateward_stored_objects";
inline constexpr char kLocksHeld[] = "stateward_locks_held";
inline constexpr char kDamagedStates[] = "stateward_damaged_states";
inline constexpr char kUnreadableStates[] = "stateward_unreadable_states";

}  // namespace stateward

#endif  // STATEWARD_JOBS_STORE_JOBS_H_
