// How far the events of a host's audit trail were sent: a small file next to AUDIT_FILE, and the
// lines behind what it says, over rotations of the trail.
//
//   "stateward hooks 1 INODE OFFSET CHAIN SEQUENCE\n": the file and where in it the next line
//   begins; the chain and number of the newest line that is done with ("-" and 0: none).
#ifndef STATEWARD_HOOKS_TRAIL_CURSOR_H_
#define STATEWARD_HOOKS_TRAIL_CURSOR_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "stateward/disk.h"
#include "stateward/result.h"

namespace stateward {

// Used by one thread.
class TrailCursor {
 public:
  // `disk` must outlive it.
  TrailCursor(Disk& disk, std::string audit_file);

  // Reads the cursor again. Without one it stands at the trail's end: what was before is no news.
  Status Load();
  // Calls `take` for each line in turn and moves behind it while that returns OK. `missing`: so
  // many lines before this one are not there any more. *more: `most` lines were taken, and there
  // may be others. Errors: that of `take`; kUnavailable, a file cannot be read.
  using TakeFn = std::function<Status(const JsonObject& line, uint64_t missing)>;
  Status Advance(size_t most, const TakeFn& take, bool* more);
  // Makes what was done with last.
  Status Save();
  // Bytes of the newest file behind the cursor.
  uint64_t Behind() const { return behind_; }

 private:
  Result<Fd> OpenFile(bool* newest);
  std::string NextFile(int dir, const std::vector<std::string>& names) const;
  uint64_t FirstOf(int dir, const std::string& name) const;
  Status ReadFile(int fd, size_t* left, const TakeFn& take);
  Status ReadFrom(int fd, size_t* left, const TakeFn& take, bool* elsewhere);
  bool IsElsewhere(const std::string& chain, uint64_t sequence) const;

  Disk& disk_;
  const std::string folder_;
  const std::string name_;
  uint64_t inode_ = 0;
  uint64_t offset_ = 0;
  std::string chain_;
  uint64_t sequence_ = 0;
  uint64_t behind_ = 0;
  bool moved_ = false;
};

}  // namespace stateward

#endif  // STATEWARD_HOOKS_TRAIL_CURSOR_H_
