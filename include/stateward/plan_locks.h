// Whether the plans of a state may hold its lock together (docs/lock.md, "Plan locks"). A value.
#ifndef STATEWARD_PLAN_LOCKS_H_
#define STATEWARD_PLAN_LOCKS_H_

#include <cstdint>

namespace stateward {

struct PlanLocks {
  bool shared = false;          // PLAN_LOCKS
  uint64_t writer_wait_s = 60;  // PLAN_LOCKS_WRITER_WAIT: for so long a writer holds new plans back
};

}  // namespace stateward

#endif  // STATEWARD_PLAN_LOCKS_H_
