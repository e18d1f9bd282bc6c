// A state that gets another address: how it is written down.
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

// The name of the claim that a move makes for the state of the old address, before the new one `to`
// shows anything.
std::string MoveClaim(const StateId& to);

// Whether a move made one of these versions of the other.
bool IsCopy(const VersionInfo& a, const VersionInfo& b);

// The same, even if one of the two was purged since.
bool IsOrigin(const VersionInfo& a, const VersionInfo& b);

}  // namespace stateward

#endif  // STATEWARD_HISTORY_FORWARDING_H_
