// The body of a 423 answer where plans hold the lock, or a writer waits for them. Pure.
#ifndef STATEWARD_STATE_PLAN_INFO_H_
#define STATEWARD_STATE_PLAN_INFO_H_

#include <cstdint>
#include <string>

#include "state/lock_info.h"
#include "stateward/locker.h"
#include "stateward/state.h"

namespace stateward {

// A LockInfo. Of one plan it is the plan's own; of more its ID is a sentence, since some clients
// show nothing else, and Info lists them with their IDs. REQUIRES: held.plans is not empty, or
// held.plans_from_ms is set
std::string RenderPlans(const HeldBy& held, const StateKey& key, int64_t now_ms, Freeing freeing);

}  // namespace stateward

#endif  // STATEWARD_STATE_PLAN_INFO_H_
