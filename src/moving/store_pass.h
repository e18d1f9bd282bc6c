// One pass of a copy: what another store lacks of this one is put there. Sealed bytes are moved as
// they are; nothing is opened. What the other one alone has stays there, and is told.
//
// What they are given must outlive the call. Used by one thread, uses some of its own.
#ifndef STATEWARD_MOVING_STORE_PASS_H_
#define STATEWARD_MOVING_STORE_PASS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "stateward/bytes.h"
#include "stateward/result.h"
#include "stateward/state.h"
#include "stateward/storage.h"
#include "stateward/store_copy.h"

namespace stateward {

struct PassCounts {
  uint64_t states = 0;   // of the source
  uint64_t records = 0;  // of the source
  uint64_t moved = 0;    // records, uploads, claims and blobs that were put there
  uint64_t removed = 0;  // that the source has no more
  // What the target alone has: states with a newer record, with another write under a number of the
  // source's, or claimed by the target alone, and untouched blobs of terraform-backend. A source
  // never loses the newest record of a state, nor a claim: it is not the store that the target was
  // made of. Nothing of it was changed.
  std::vector<StateId> ahead;
  std::vector<std::string> blobs_ahead;
  bool IsAhead() const { return !ahead.empty() || !blobs_ahead.empty(); }
};

// The storage's other side. kConflict: it has none, since it is only read (READ_ONLY).
Result<StoreCopy*> CopyOf(Storage& storage);

enum class PassDepth : uint8_t {
  kLook,     // nothing is moved: only what the target alone has is found
  kMissing,  // what is there under its name counts as done
  kCompare,  // the front of each record is compared: a rekey or a purge exchanges it.
             // What the target alone has is found, too
};

// Whether record n of the target is a write that its record n of the source does not come from: the
// fronts (Kms::kInfoPrefix) of both differ. What cannot be told is none. Called by several threads.
using OtherWriteFn =
    std::function<bool(const StateId& id, uint64_t n, ByteView source, ByteView target)>;

// `to` is closed. `other`: not asked by kMissing; kLook asks it about the highest number that both
// have. `progress`: states done, of how many; may be empty.
Result<PassCounts> CopyPass(Storage& from, Storage& to, PassDepth depth, const OtherWriteFn& other,
                            const std::function<void(uint64_t, uint64_t)>& progress);

}  // namespace stateward

#endif  // STATEWARD_MOVING_STORE_PASS_H_
