// Where a state is now, as its forwarding record says.
//
// Pure.
#ifndef STATEWARD_HISTORY_FORWARDING_H_
#define STATEWARD_HISTORY_FORWARDING_H_

#include <optional>
#include <string>

#include "stateward/kms.h"
#include "stateward/state.h"

namespace stateward {

// `moved_to` as VersionInfo::moved_to, of a forwarding record of `key`. True: the state of a
// namespace was given to identified users, and keeps its address.
bool WasAdopted(const StateKey& key, const std::string& moved_to);

// "has the address net/new now", or that it is identified users' now.
std::string WhereNow(const StateKey& key, const std::string& moved_to);

// The state that a forwarding record names; nullopt: it is none.
std::optional<StateId> MovedTo(const SealedInfo& info);

}  // namespace stateward

#endif  // STATEWARD_HISTORY_FORWARDING_H_
