// What lies at the old address of a state that was moved, besides its forwarding record.
#ifndef STATEWARD_ADMIN_FORWARDING_H_
#define STATEWARD_ADMIN_FORWARDING_H_

#include <cstdint>
#include <functional>

#include "admin/admin_service.h"
#include "history/history.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

// Removes every record below the forwarding record `forwarding`; above it a lock may have taken a
// number away. With `goes` only those that it says true of; what cannot be read stays then. A
// number that a write may still be on its way to (state/late_writes.h) stays taken, without a
// document, until a repeat or the pruner finds it old enough.
Status RemoveBelow(const AdminService& service, const History& history, const StateId& id,
                   uint64_t forwarding,
                   const std::function<bool(const VersionInfo&)>& goes = nullptr);

}  // namespace stateward

#endif  // STATEWARD_ADMIN_FORWARDING_H_
