// A state's lock as a file (docs/formats.md, "Lock file"): a double-buffered record, and the ring
// of released IDs behind it. An update writes the place that does not hold the newest record,
// perhaps one entry of the ring, and syncs the data: one flush of the disk, no new name and no
// journal entry for one. When it breaks off, the other place still holds the record that was there
// before, and nobody was told of the new one.
//
// Each function needs the flock on the file; none takes it.
#ifndef STATEWARD_LOCK_LOCK_FILE_H_
#define STATEWARD_LOCK_LOCK_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/process.h"
#include "lock/lock_record.h"
#include "stateward/bytes.h"
#include "stateward/disk.h"
#include "stateward/result.h"

namespace stateward {

// The newest record of a file.
struct LockSlot {
  uint64_t sequence = 0;  // 0: nothing was ever written. 1: a free lock, by BeginLockFile
  ProcessId writer;
  Bytes record;
  uint64_t noted = 0;  // a head of the state that was noted behind the record
  // A newer record was here, and was acknowledged; it is damaged.
  bool newer_lost = false;
};

// kCorruption: neither place holds a whole record. kUnavailable: cannot be read.
Result<LockSlot> ReadLockSlot(Disk& disk, int fd);

// What is damaged of the two copies, a text each. `now` is what ReadLockSlot gave.
Result<std::vector<std::string>> DamagedCopies(Disk& disk, int fd, const LockSlot& now);

// Gives a file of the sequence 0 its first record, that of a free lock, and all its blocks, so that
// no later write waits for a journal. *now is then what the file holds.
Status BeginLockFile(Disk& disk, int fd, ByteView record, LockSlot* now);

// These REQUIRE: `now` is what ReadLockSlot gave, under the same flock.
//
// Its writer may have died before it synced: it must be settled before another is written.
bool MayBeUnsynced(const LockSlot& now, LifeWatch& writers);
// Makes sure that `now` lasts. Its bytes are written again before they are synced: a sync that
// failed before, perhaps another process's, is not believed when it works the second time.
Status SettleLockSlot(Disk& disk, int fd, const LockSlot& now);
// A write whose sync fails is taken back: the file holds `now` again. REQUIRES: now.sequence > 0.
Status WriteLockSlot(Disk& disk, int fd, const LockSlot& now, ByteView record);
// Notes a head behind the record, for the next step. It lasts from the next sync on.
void NoteHead(Disk& disk, int fd, const LockSlot& now, uint64_t head);

// Entries of the ring. A written one lasts from the next sync on.
Result<Bytes> ReadReleasedEntry(Disk& disk, int fd, uint64_t slot);
Status WriteReleasedEntry(Disk& disk, int fd, uint64_t slot, ByteView entry);

}  // namespace stateward

#endif  // STATEWARD_LOCK_LOCK_FILE_H_
