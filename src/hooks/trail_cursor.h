// How far the events of a host's audit trail were sent: a small file next to AUDIT_FILE, and the
// lines behind what it says, over rotations of the trail.
//
// A line counts only as what was written under the trail's key: somebody may write to the file who
// has no key.
//
//   "stateward hooks 1 INODE OFFSET CHAIN SEQUENCE\n": the file and where in it the next line
//   begins; the chain and number of the newest line that is done with ("-" and 0: none).
#ifndef STATEWARD_HOOKS_TRAIL_CURSOR_H_
#define STATEWARD_HOOKS_TRAIL_CURSOR_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/audit_line.h"
#include "base/files.h"
#include "stateward/bytes.h"
#include "stateward/disk.h"
#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

// Used by one thread.
class TrailCursor {
 public:
  // `disk` must outlive it.
  TrailCursor(Disk& disk, std::string audit_file);

  // The trail's key (AuditKey). A trail keeps the same one.
  void SetKey(SecretBytes key) { key_ = std::move(key); }
  bool HasKey() const { return !key_.empty(); }

  // Reads the cursor again. Without one it stands at the trail's end: what was before is no news.
  Status Load();
  // Calls `take` for each line in turn and moves behind it while that returns OK. `missing`: so
  // many lines before this one are not there any more. *more: `most` lines were taken, and there
  // may be others. Errors: that of `take`; kUnavailable, a file cannot be read. REQUIRES: HasKey().
  using TakeFn = std::function<Status(const AuditLine& line, uint64_t missing)>;
  Status Advance(size_t most, const TakeFn& take, bool* more);
  // What is no line under the key moves nothing. So many were passed over since this was asked
  // last, and where the first of them begins.
  struct Passed {
    uint64_t lines = 0;
    std::string file;
    uint64_t at = 0;
  };
  Passed TakePassed() { return std::exchange(passed_, {}); }
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
  Status Take(const AuditLine& line, const TakeFn& take);
  void PassOver(uint64_t at);

  Disk& disk_;
  const std::string folder_;
  const std::string name_;
  uint64_t inode_ = 0;
  uint64_t offset_ = 0;
  std::string chain_;
  uint64_t sequence_ = 0;
  uint64_t behind_ = 0;
  bool moved_ = false;
  bool again_ = false;  // a file is read from its front once more, over several calls perhaps
  SecretBytes key_;
  std::string open_;  // the name of the file that is read
  Passed passed_;
};

}  // namespace stateward

#endif  // STATEWARD_HOOKS_TRAIL_CURSOR_H_
