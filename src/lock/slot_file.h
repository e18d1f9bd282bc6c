// One record in a file with two places for it (docs/formats.md, "Slot file"). An update writes the
// place that does not hold the newest record and syncs the data: one flush of the disk, no new name
// and no journal entry for one. When the update breaks off, the other place still holds the record
// that was there before, and nobody was told of the new one.
//
// Each function needs the flock on the file; none takes it.
#ifndef STATEWARD_LOCK_SLOT_FILE_H_
#define STATEWARD_LOCK_SLOT_FILE_H_

#include <cstdint>

#include "base/process.h"
#include "stateward/bytes.h"
#include "stateward/disk.h"
#include "stateward/result.h"

namespace stateward {

// A record and its header fit; the file is sparse, so that a short one takes a block.
inline constexpr size_t kSlotBytes = size_t{64} * 1024;
// magic, sequence, length, writer's pid and start, SHA-256
inline constexpr size_t kSlotHeader = 8 + 8 + 4 + 4 + 8 + 32;

struct Slot {
  uint64_t sequence = 0;
  ProcessId writer;
  Bytes record;
};

// Of FirstSlot's record: nobody has updated the file yet.
inline constexpr uint64_t kFirstSequence = 2;
// What a new file is to hold, so that its first record is there from its beginning.
Bytes FirstSlot(ByteView record);
// kCorruption: neither place holds a whole record. kUnavailable: cannot be read.
Result<Slot> ReadSlot(Disk& disk, int fd);
// Both REQUIRE: `now` is what ReadSlot gave, under the same flock.
//
// Makes sure that `now` lasts. Its bytes are written again before they are synced: a sync that
// failed before, perhaps another process's, is not believed when it works the second time.
Status SettleSlot(Disk& disk, int fd, const Slot& now);
// When the process that wrote `now` is gone, it may have died before it synced; then `now` is
// settled first, since the write takes the place of the record before it. A write whose sync fails
// is taken back: the file holds `now` again.
Status WriteSlot(Disk& disk, int fd, const Slot& now, ByteView record);

}  // namespace stateward

#endif  // STATEWARD_LOCK_SLOT_FILE_H_
