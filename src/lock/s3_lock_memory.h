// What this process itself wrote last of a state's lock. A step that begins with it leaves out the
// look: its write goes on condition of the ETag, so a memory that is old costs a write that does
// not take place, and never decides anything.
//
// A write in vain costs more than a look. So what is known of a free lock is believed only after
// kEnough looks in a row found it as this process left it: not where several workers take turns.
// Thread-safe.
#ifndef STATEWARD_LOCK_S3_LOCK_MEMORY_H_
#define STATEWARD_LOCK_S3_LOCK_MEMORY_H_

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "lock/s3_lock_text.h"
#include "stateward/state.h"

namespace stateward {

// The object of a lock, and which one it is.
struct S3LockEntry {
  S3LockObject object;
  std::string etag;  // "" = there is no object yet
};

class S3LockMemory {
 public:
  // The entry in which `holder` has the lock; for "" one in which nobody does, nor waits for it.
  std::optional<S3LockEntry> Recall(const StateId& id, const std::string& holder);
  void Wrote(const StateId& id, const S3LockEntry& entry);
  // A look before a LOCK found this object.
  void Saw(const StateId& id, const std::string& etag);
  // The lock is not this object any more.
  void Forget(const StateId& id, const std::string& etag);

 private:
  // Of 10 KB each with the IDs that are remembered as released: 2.5 MB. Enough for the sessions
  // that are under way; what has no place costs a look.
  static constexpr size_t kMost = 256;
  // Two workers between whom a coin is thrown then write in vain at one LOCK of 16.
  static constexpr int kEnough = 3;
  struct Known {
    S3LockEntry entry;
    int as_left = 0;  // looks in a row that found what was left, the last one included
  };
  std::mutex mutex_;
  std::unordered_map<std::string, Known> known_;
};

}  // namespace stateward

#endif  // STATEWARD_LOCK_S3_LOCK_MEMORY_H_
