// The address of a state, as its newest record says it.
#ifndef STATEWARD_HISTORY_NAME_OF_H_
#define STATEWARD_HISTORY_NAME_OF_H_

#include <optional>

#include "history/history.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

// The address that a state's newest record is sealed with. nullopt: it has no record, or one that
// does not open.
Result<std::optional<StateKey>> NameOf(const History& history, const StateId& id);

}  // namespace stateward

#endif  // STATEWARD_HISTORY_NAME_OF_H_
