// Why no new lock of a state is given, for those who look at its lock.
#ifndef STATEWARD_ADMIN_GATE_OF_H_
#define STATEWARD_ADMIN_GATE_OF_H_

#include "admin/reply.h"
#include "admin/run.h"
#include "stateward/state.h"

namespace stateward {

// "FROZEN by ann: TEXT", as a client is told that asks for the lock; null: new locks are given.
// Where that cannot be read the text says so: a lock is looked at and freed all the same.
Value GateOf(const Call& call, const StateKey& key);

}  // namespace stateward

#endif  // STATEWARD_ADMIN_GATE_OF_H_
