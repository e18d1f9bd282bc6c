// Names of states: what a record says of its own.
#ifndef STATEWARD_ADMIN_STATE_NAMES_H_
#define STATEWARD_ADMIN_STATE_NAMES_H_

#include <optional>
#include <string>

#include "history/history.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

// The address that a state's newest record is sealed with. nullopt: it has no record, or one that
// does not open.
Result<std::optional<StateKey>> NameOf(const History& history, const StateId& id);

// Why a record does not open, for a column: "damaged" or "unknown key".
std::string UnreadableWord(const Status& why);

}  // namespace stateward

#endif  // STATEWARD_ADMIN_STATE_NAMES_H_
