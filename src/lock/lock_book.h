// What a lock backend keeps for one state, and how each step changes it. Pure: no input, no output.
// Every backend that stores one record for a state runs these functions and then has nothing of its
// own to get wrong but the atomic exchange of the record.
#ifndef STATEWARD_LOCK_LOCK_BOOK_H_
#define STATEWARD_LOCK_LOCK_BOOK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stateward/bytes.h"
#include "stateward/locker.h"
#include "stateward/result.h"

namespace stateward {

struct ReleasedId {
  Sha256Digest id{};         // of the lock ID: the ID itself is not needed any more
  Sha256Digest principal{};  // of the principal that held it
  int64_t time_ms = 0;
  bool forced = false;
  std::string token_sha256;  // as in LockRecord
};

struct ForcedRelease {
  std::string principal;
  int64_t time_ms = 0;
};

struct LockBook {
  std::optional<LockRecord> holder;
  std::vector<ReleasedId> released;  // oldest first; at most kReleasedIdsKept
  std::optional<ForcedRelease> last_forced;
  bool burn = false;  // the next grant says so to its BaseFn
};

// May `want` have the lock? Granted (not repeated): the caller fills want's base by calling BaseFn
// with book.burn, and calls Take, which clears it.
AcquireOutcome DecideAcquire(const LockBook& book, const LockRecord& want, int64_t now_ms);
void Take(LockBook* book, LockRecord record, int64_t now_ms);

// Changes *book only when the outcome is Released. A forced one sets book->burn.
ReleaseOutcome Release(LockBook* book, const ReleaseRequest& request, int64_t now_ms);

// Locker::TokenReleased.
bool TokenReleased(const LockBook& book, const std::string& token_sha256, int64_t now_ms);

// docs/formats.md, "Lock record". At most kMaxLockBookBytes when info is at most 16 KiB.
inline constexpr size_t kMaxLockBookBytes = size_t{48} * 1024;
Bytes EncodeLockBook(const LockBook& book);
// kCorruption: truncated, trailing bytes, or of a later version.
Result<LockBook> DecodeLockBook(ByteView bytes);

}  // namespace stateward

#endif  // STATEWARD_LOCK_LOCK_BOOK_H_
