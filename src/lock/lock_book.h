// What a lock backend keeps for one state, and how each step changes it. Pure: no input, no output.
// Every backend that stores one record for a state runs these functions and then has nothing of its
// own to get wrong but the atomic exchange of the record.
//
// Released IDs lie in a ring of entries of one size, apart from the record: a release writes one
// entry, and a step reads only those whose tags fit (MayBeReleased). lock_record.h has the bytes.
#ifndef STATEWARD_LOCK_LOCK_BOOK_H_
#define STATEWARD_LOCK_LOCK_BOOK_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stateward/bytes.h"
#include "stateward/locker.h"

namespace stateward {

// The first half of a SHA-256: nobody finds a second text to a given one.
using ShortDigest = std::array<uint8_t, 16>;

struct ReleasedId {
  uint64_t number = 0;  // of the release: the first one of a state is 0
  ShortDigest id{};     // of the lock ID: the ID itself is not needed any more
  ShortDigest token{};  // of the token that the lock was taken with; zeros: none
  int64_t time_ms = 0;
  bool forced = false;
};

struct ForcedRelease {
  std::string principal;
  int64_t time_ms = 0;
};

// The first bytes of a released ID's digest, kept in the record for each of the newest.
inline constexpr size_t kReleasedTagBytes = 4;

struct LockBook {
  std::optional<LockRecord> holder;
  std::optional<ForcedRelease> last_forced;
  bool burn = false;      // the next grant says so to its BaseFn
  uint64_t mark = 0;      // the state's head was at least this
  uint64_t releases = 0;  // how many there ever were
  std::string tags;       // of the newest releases, oldest first; at most kReleasedIdsKept
  // Entries of the ring: all, or those that MayBeReleased named. Release adds its own behind them.
  std::vector<ReleasedId> released;
  Bytes kept;  // what a newer build added to the record, to be written back as it is
};

// The numbers of the releases that may have been this ID's.
std::vector<uint64_t> MayBeReleased(const LockBook& book, const std::string& lock_id);

// May `want` have the lock? Granted (not repeated): the caller fills want's base by calling BaseFn
// with book.burn and book.mark, and calls Take, which clears burn and raises the mark.
AcquireOutcome DecideAcquire(const LockBook& book, const LockRecord& want, int64_t now_ms);
void Take(LockBook* book, LockRecord record, int64_t now_ms);

// Changes *book only when the outcome is Released; the new entry is then book->released.back(). A
// forced one sets book->burn.
ReleaseOutcome Release(LockBook* book, const ReleaseRequest& request, int64_t now_ms);

// Locker::TokenReleased, of the entries that the book holds.
bool TokenReleased(const LockBook& book, const std::string& token_sha256, int64_t now_ms);

}  // namespace stateward

#endif  // STATEWARD_LOCK_LOCK_BOOK_H_
