// The lock record and the entry of a released ID as bytes (docs/formats.md, "Lock record"). Pure.
#ifndef STATEWARD_LOCK_LOCK_RECORD_H_
#define STATEWARD_LOCK_LOCK_RECORD_H_

#include <cstdint>

#include "lock/lock_book.h"
#include "stateward/bytes.h"
#include "stateward/result.h"

namespace stateward {

// All of a book but the entries of its released IDs. Fits when info is at most 16 KiB and the other
// texts are at most 1 KiB each: a holder with all that, or else 128 plans of 256 bytes.
inline constexpr size_t kMaxLockRecord = size_t{40} * 1024;
Bytes EncodeLockRecord(const LockBook& book);
// kCorruption: damaged. kUnavailable: a newer build wrote something that this one has to understand
// and does not.
Result<LockBook> DecodeLockRecord(ByteView bytes);

// Of the ring: one place more than there are IDs to remember, so that the entry of a release that
// breaks off takes the place of none of them.
inline constexpr size_t kReleasedSlots = kReleasedIdsKept + 1;
inline constexpr size_t kReleasedEntryBytes = 48;
inline uint64_t SlotOfRelease(uint64_t number) { return number % kReleasedSlots; }
Bytes EncodeReleasedId(const ReleasedId& entry);
// kCorruption: damaged, or not the entry of this release.
Result<ReleasedId> DecodeReleasedId(uint64_t number, ByteView bytes);
// For an entry that is damaged, and whose tag is this ID's: it was released, nobody knows when.
ReleasedId AssumeReleased(uint64_t number, const std::string& lock_id, int64_t now_ms);

}  // namespace stateward

#endif  // STATEWARD_LOCK_LOCK_RECORD_H_
