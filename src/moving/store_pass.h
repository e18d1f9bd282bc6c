// One pass of a copy: what another store lacks of this one is put there. Sealed bytes are moved as
// they are; nothing is opened.
//
// What they are given must outlive the call. Used by one thread, uses some of its own.
#ifndef STATEWARD_MOVING_STORE_PASS_H_
#define STATEWARD_MOVING_STORE_PASS_H_

#include <cstdint>
#include <functional>

#include "stateward/result.h"
#include "stateward/storage.h"
#include "stateward/store_copy.h"

namespace stateward {

struct PassCounts {
  uint64_t states = 0;   // of the source
  uint64_t records = 0;  // of the source
  uint64_t moved = 0;    // records, uploads, claims and blobs that were put there
  uint64_t removed = 0;  // that the source has no more
};

// The storage's other side. kConflict: it has none, since it is only read (READ_ONLY).
Result<StoreCopy*> CopyOf(Storage& storage);

enum class PassDepth : uint8_t {
  kMissing,  // what is there under its name counts as done
  kCompare,  // the front of each record is compared: a rekey or a purge exchanges it
};

// `to` is closed. `progress`: states done, of how many; may be empty.
Result<PassCounts> CopyPass(Storage& from, Storage& to, PassDepth depth,
                            const std::function<void(uint64_t, uint64_t)>& progress);

}  // namespace stateward

#endif  // STATEWARD_MOVING_STORE_PASS_H_
