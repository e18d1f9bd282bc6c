// What a lock backend keeps for one state, and how each step changes it. Pure: no input, no output.
// Every backend that stores one record for a state runs these functions and then has nothing of its
// own to get wrong but the atomic exchange of the record.
//
// Released IDs lie in a ring of entries of one size, apart from the record: a release writes one
// entry, and a step reads only those whose tags fit (MayBeReleased). lock_record.h has the bytes.
#ifndef STATEWARD_LOCK_LOCK_BOOK_H_
#define STATEWARD_LOCK_LOCK_BOOK_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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

// In the place of a principal, which none of them is.
inline constexpr std::string_view kForcedBySeveral = "*";

struct ForcedRelease {
  std::string principal;
  int64_t time_ms = 0;
};

// The first bytes of a released ID's digest, kept in the record for each of the newest.
inline constexpr size_t kReleasedTagBytes = 4;

// A writer that met plans. One of a principal; it is its lock ID (docs/lock.md, "Plan locks").
struct WaitingWriter {
  std::string id;
  std::string principal;  // KeptPrincipal
  int64_t since_ms = 0;   // its first try
  int64_t last_ms = 0;    // its last one
  int64_t hold_ms = 0;    // so long it may hold plans back in all

  // New plans wait until then, and from then on it cannot hold them back for hold_ms.
  int64_t HoldsUntil() const { return std::min(last_ms + kWriterGoneMs, since_ms + hold_ms); }
};

struct LockBook {
  std::optional<LockRecord> holder;
  std::vector<LockRecord> plans;  // oldest first; never together with a holder
  std::vector<WaitingWriter> waiting;
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
// After a HeldBy NoteWaiting says whether this try changed the book; what it changed must last
// before the answer.
AcquireOutcome DecideAcquire(const LockBook& book, const LockRecord& want, int64_t now_ms);
bool NoteWaiting(LockBook* book, const LockRecord& want, int64_t now_ms);
void Take(LockBook* book, LockRecord record, int64_t now_ms);

// Changes *book only when the outcome is Released; the new entries are then the last of
// book->released, one for each lock. A forced one sets book->burn, but of plans, which write
// nothing.
ReleaseOutcome Release(LockBook* book, const ReleaseRequest& request, int64_t now_ms);

// How many locks an outcome of Release freed.
inline size_t CountOf(const Released& released) {
  return released.plans.empty() ? 1 : released.plans.size();
}

// Who is shown where only one has room: the holder, or the oldest plan.
std::optional<LockRecord> HolderOf(const LockBook& book);
// The lock with this ID that DecideAcquire granted, and its end where it was not completed.
// REQUIRES: it is held
LockRecord* TakenIn(LockBook* book, const std::string& lock_id);
void GiveBack(LockBook* book, const std::string& lock_id);

// How many locks a book holds.
inline HeldCount CountOf(const LockBook& book) {
  return {book.holder ? uint64_t{1} : uint64_t{0}, book.plans.size()};
}

// What the book says of who holds the state; and all locks in one row.
LockView ViewOf(LockBook book);
std::vector<LockRecord> LocksOf(LockBook book);
// Hands a state's locks to `each`; false: it has enough.
bool TellLocks(const StateId& id, std::vector<LockRecord> locks, const EachHeldFn& each);

// Locker::TokenReleased, of the entries that the book holds.
bool TokenReleased(const LockBook& book, const std::string& token_sha256, int64_t now_ms);

}  // namespace stateward

#endif  // STATEWARD_LOCK_LOCK_BOOK_H_
