// Goes through all states of a store, a part of them in memory at a time.
#ifndef STATEWARD_ADMIN_ALL_STATES_H_
#define STATEWARD_ADMIN_ALL_STATES_H_

#include <cstdint>
#include <functional>
#include <string>

#include "admin/operation.h"
#include "admin/summaries.h"
#include "history/history.h"
#include "stateward/status.h"

namespace stateward {

// Calls `take` for each state that has records, in order of its id, those with an id behind `after`
// alone, until it returns false. From the cache where reading them costs round trips. `report`: how
// many were looked at, and about how many there are. Errors: as the backends, but for damage.
Status EachState(const History& history, const std::string& after,
                 const std::function<bool(StateSummary&&)>& take,
                 const std::function<void(uint64_t done, uint64_t total)>& report);

// Whether `call` may be told that this state is there. Whose name nobody can read is for those who
// see the whole store.
bool MaySee(const Call& call, const StateSummary& state);

}  // namespace stateward

#endif  // STATEWARD_ADMIN_ALL_STATES_H_
