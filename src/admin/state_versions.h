// Goes through the versions of one state.
#ifndef STATEWARD_ADMIN_STATE_VERSIONS_H_
#define STATEWARD_ADMIN_STATE_VERSIONS_H_

#include <cstdint>
#include <functional>

#include "admin/find_state.h"
#include "history/history.h"
#include "stateward/result.h"

namespace stateward {

// Calls `each` for every record that is there, the newest first, until it returns false. A record
// that cannot be read comes with its kCorruption; one that was pruned meanwhile does not come.
// Other errors end the walk and are returned.
Status EachVersion(const History& history, const StateId& id,
                   const std::function<bool(uint64_t n, const Result<SealedInfo>&)>& each);

// The newest document with a number of at most `below`. kNotFound: there is none. kConflict: what
// would be it cannot be read, or was purged; an older one must not be taken for it.
Result<uint64_t> NewestDocument(const History& history, const FoundState& state, uint64_t below);

// kNotFound: the state has no version n that holds a document.
Result<Opened> OpenDocument(const History& history, const FoundState& state, uint64_t n);

}  // namespace stateward

#endif  // STATEWARD_ADMIN_STATE_VERSIONS_H_
