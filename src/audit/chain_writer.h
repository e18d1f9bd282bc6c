// Writes lines behind the end of a host's chain, and makes them last.
//
// All processes of a host that write the same trail have one chain: they take turns by the lock of
// its end (audit/chain_end.h). A turn is one write of all lines that wait; the sync is outside of
// it, so one process' sync does not hold up the others' lines.
//
// Used by one thread.
#ifndef STATEWARD_AUDIT_CHAIN_WRITER_H_
#define STATEWARD_AUDIT_CHAIN_WRITER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "audit/chain_end.h"
#include "base/files.h"
#include "stateward/audit.h"
#include "stateward/bytes.h"
#include "stateward/clock.h"
#include "stateward/disk.h"
#include "stateward/result.h"

namespace stateward {

// What is kept free behind the file's end: two lines of 1 KiB for each of 512 requests at work, 64
// processes of 8 threads.
inline constexpr uint64_t kAuditReserve = uint64_t{1024} * 1024;

// A line that will be written.
struct ChainEntry {
  std::string fields;  // of AuditFields
  bool may_use_reserve = false;
  bool written = false;  // what follows is set
  std::string line;      // with its line end
  AuditHead head;
};

class ChainWriter {
 public:
  // `file` "": lines are chained, and go nowhere from here. `reserve`: keep room free. `turn_ms`:
  // of ChainTurn::Take. `disk` and `clock` must outlive it.
  ChainWriter(Disk& disk, std::string file, std::string end_path, bool reserve, int turn_ms,
              const Clock& clock);

  // Makes lines of the entries, in order, and writes them at once. Where there is no room, those
  // that may not use the reserve stay unwritten. kUnavailable, kCorruption: nothing is written.
  Status Write(ByteView key, const std::vector<ChainEntry*>& entries);
  // What was written lasts when this is OK. A sync that failed is not believed the second time: the
  // bytes are written again.
  Status Sync();
  bool NeedsSync() const { return !unsynced_.empty(); }
  // Lets go of a file that has another name now, and looks whether there is room again.
  void Look();
  bool has_room() const { return has_room_; }
  const AuditHead& head() const { return end_.head; }

 private:
  Status OpenFile();
  Status CatchUp(ByteView key, std::vector<std::string>* torn);
  void FollowLines(ByteView key, int fd, uint64_t from, uint64_t* strange, bool* open_line);
  void FollowRenamed(ByteView key);
  Status FindEnd(ByteView key, uint64_t size);
  Status Append(std::string_view text);
  Status WriteAgain();
  void Reserve();

  Disk& disk_;
  const std::string file_;
  const std::string end_path_;
  const bool reserve_;
  const int turn_ms_;
  const Clock& clock_;
  Fd fd_;
  DiskStat opened_;
  uint64_t size_ = 0;      // of the file, in this turn
  uint64_t reserved_ = 0;  // up to here blocks are taken
  bool has_room_ = true;
  bool sync_failed_ = false;
  ChainEnd end_;
  std::vector<std::pair<uint64_t, std::string>> unsynced_;  // where, what
};

}  // namespace stateward

#endif  // STATEWARD_AUDIT_CHAIN_WRITER_H_
