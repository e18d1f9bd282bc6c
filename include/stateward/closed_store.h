// A store that nobody serves: it is being copied, has moved, or was restored and not opened yet.
#ifndef STATEWARD_CLOSED_STORE_H_
#define STATEWARD_CLOSED_STORE_H_

#include <string>
#include <string_view>

#include "stateward/store_identity.h"

namespace stateward {

// The lock kind of a closed store is this and why, in one line, and its lock id is zeros: it is
// guarded by no lock service, so no server serves it: it answers 503. Servers
// that were running when it was closed find out as they find out about another lock service.
inline constexpr std::string_view kClosedStore = "closed: ";
inline bool IsClosed(const StoreIdentity& identity) {
  return std::string_view(identity.lock_kind).substr(0, kClosedStore.size()) == kClosedStore;
}
// Why it is closed. REQUIRES: IsClosed(identity)
inline std::string WhyClosed(const StoreIdentity& identity) {
  return identity.lock_kind.substr(kClosedStore.size());
}
// REQUIRES: `why` is one line of at most 1024 bytes
inline StoreIdentity ClosedStore(StoreIdentity identity, std::string_view why) {
  identity.lock_kind = std::string(kClosedStore) + std::string(why);
  identity.lock_id = std::string(32, '0');
  return identity;
}

// How the reason begins for which a store is closed that `statewardctl init --locks` may open.
inline constexpr std::string_view kWhyRestored = "restored ";
// And while not all of it is there: only the restore itself goes on.
inline constexpr std::string_view kWhyRestoring = "being restored ";

}  // namespace stateward

#endif  // STATEWARD_CLOSED_STORE_H_
