#include "hooks/trail_cursor.h"

#include <fcntl.h>

#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "audit/first_line.h"
#include "audit/line_reader.h"
#include "audit/trail_names.h"

namespace stateward {
namespace {

constexpr size_t kMaxCursor = 256;

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == path.npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

TrailCursor::TrailCursor(Disk& disk, std::string audit_file)
    : disk_(disk),
      folder_(FolderOf(audit_file)),
      name_(audit_file.substr(audit_file.rfind('/') + 1)) {}

Status TrailCursor::Load() {
  moved_ = false;
  again_ = false;
  Result<Fd> dir = OpenDirAt(disk_, AT_FDCWD, folder_);
  if (!dir.ok()) return Status::Unavailable(dir.status().detail());
  Result<Bytes> text = ReadFileAt(disk_, dir->get(), name_ + kHookCursorEnding, kMaxCursor);
  if (!text.ok() && text.status().code() != Code::kNotFound) return std::move(text).status();
  if (text.ok()) {
    std::istringstream in{std::string(ByteView(*text).AsString())};
    std::string a, b, version;
    if (in >> a >> b >> version >> inode_ >> offset_ >> chain_ >> sequence_ && a == "stateward" &&
        b == "hooks" && version == "1") {
      if (chain_ == "-") chain_.clear();
      return Status();
    }
  }
  inode_ = offset_ = sequence_ = 0;
  chain_.clear();
  Result<Fd> file = OpenFileAt(disk_, dir->get(), name_, O_RDONLY);
  if (!file.ok()) return file.status().code() == Code::kNotFound ? Status() : file.status();
  DiskStat stat;
  const int r = disk_.Stat(file->get(), &stat);
  if (r < 0) return DiskError(name_, r);
  inode_ = stat.inode;
  offset_ = stat.size;
  moved_ = true;
  return Save();
}

Status TrailCursor::Save() {
  if (!moved_) return Status();
  Result<Fd> dir = OpenDirAt(disk_, AT_FDCWD, folder_);
  if (!dir.ok()) return Status::Unavailable(dir.status().detail());
  const std::string text = "stateward hooks 1 " + std::to_string(inode_) + " " +
                           std::to_string(offset_) + " " + (chain_.empty() ? "-" : chain_) + " " +
                           std::to_string(sequence_) + "\n";
  STATEWARD_RETURN_IF_ERROR(ReplaceDurably(disk_, dir->get(), name_ + kHookCursorEnding, text));
  moved_ = false;
  return Status();
}

// The number of the first line that can be read; 0: there is none, or it is of another chain.
uint64_t TrailCursor::FirstOf(int dir, const std::string& name) const {
  const std::optional<AuditLine> first = FirstTrailLine(disk_, dir, name, key_);
  return first && first->head.chain == chain_ ? first->head.sequence : 0;
}

// The file that begins behind the newest line that is done with, and before all others that do;
// "" = none.
std::string TrailCursor::NextFile(int dir, const std::vector<std::string>& names) const {
  std::string next;
  uint64_t next_first = UINT64_MAX;
  for (const std::string& name : names) {
    DiskStat stat;
    if (chain_.empty() || !IsTrailName(name_, name)) continue;
    if (disk_.StatAt(dir, name.c_str(), &stat) < 0 || !stat.is_file) continue;
    const uint64_t first = FirstOf(dir, name);
    if (first <= sequence_ || first >= next_first) continue;
    next = name;
    next_first = first;
  }
  return next;
}

// The file that the cursor stands in. When that cannot be found (it was deleted or compressed) or
// is done with: the next one, from its front; of another chain the newest.
Result<Fd> TrailCursor::OpenFile(bool* newest) {
  Result<Fd> dir = OpenDirAt(disk_, AT_FDCWD, folder_);
  if (!dir.ok()) return Status::Unavailable(dir.status().detail());
  Result<Fd> now = OpenFileAt(disk_, dir->get(), name_, O_RDONLY);
  open_ = name_;
  DiskStat stat;
  if (!now.ok()) return now;
  int r = disk_.Stat(now->get(), &stat);
  if (r < 0) return DiskError(name_, r);
  *newest = stat.inode == inode_ && stat.size >= offset_;
  behind_ = *newest ? stat.size - offset_ : stat.size;
  if (*newest) return now;
  std::vector<std::string> names;
  r = disk_.ListDir(dir->get(), &names);
  if (r < 0) return DiskError(folder_, r);
  for (const std::string& name : names) {
    if (!IsTrailName(name_, name) || name == name_) continue;
    DiskStat old;
    if (disk_.StatAt(dir->get(), name.c_str(), &old) < 0 || !old.is_file) continue;
    if (old.inode == inode_ && old.size >= offset_) {
      open_ = name;
      return OpenFileAt(disk_, dir->get(), name, O_RDONLY);
    }
  }
  const std::string next = NextFile(dir->get(), names);
  if (!next.empty() && next != name_) {
    open_ = next;
    now = OpenFileAt(disk_, dir->get(), next, O_RDONLY);
    if (!now.ok()) return now;
    r = disk_.Stat(now->get(), &stat);
    if (r < 0) return DiskError(next, r);
  } else {
    *newest = true;
  }
  inode_ = stat.inode;
  offset_ = 0;
  moved_ = true;
  return now;
}

Status TrailCursor::ReadFile(int fd, size_t* left, const TakeFn& take) {
  bool elsewhere = false;
  const Passed before = passed_;
  Status read = ReadFrom(fd, left, take, &elsewhere);
  if (!read.ok() || !elsewhere) return read;
  passed_ = before;
  offset_ = 0;  // what was done with is passed over
  again_ = true;
  return ReadFrom(fd, left, take, nullptr);
}

void TrailCursor::PassOver(uint64_t at) {
  if (passed_.lines++ > 0) return;
  passed_.file = open_;
  passed_.at = at;
}

Status TrailCursor::Take(const AuditLine& line, const TakeFn& take) {
  const bool same = line.head.chain == chain_;
  const uint64_t sequence = line.head.sequence;
  if (same && sequence <= sequence_) return Status();
  const bool gap = same && sequence > sequence_ + 1;
  STATEWARD_RETURN_IF_ERROR(take(line, gap ? sequence - sequence_ - 1 : 0));
  chain_ = line.head.chain;
  sequence_ = sequence;
  return Status();
}

// *elsewhere: the first line that can be read is not the one that comes next, nor one that was done
// with: a file that was deleted may have left its inode to another one.
Status TrailCursor::ReadFrom(int fd, size_t* left, const TakeFn& take, bool* elsewhere) {
  Status taken;
  bool check = elsewhere != nullptr && offset_ > 0 && sequence_ > 0 && !again_;
  bool ended = true;
  bool too_long = false;  // a line before this one, whose end is known only now
  const Status read =
      EachLine(disk_, fd, offset_, [&](std::string_view text, bool whole, uint64_t at) {
        if (std::exchange(too_long, false)) {
          PassOver(offset_);
          offset_ = at;
          moved_ = true;
        }
        ended = *left > 0;
        if (!ended) return false;
        too_long = text.size() > kMaxAuditLine;
        if (!whole && !too_long) return false;  // somebody still writes it
        --*left;
        if (too_long) return true;
        Result<AuditLine> line = ReadAuditLine(key_, text);
        if (!line.ok()) {
          PassOver(at);
        } else if (check && line->head.chain == chain_ && line->head.sequence > sequence_ + 1) {
          *elsewhere = true;
          return false;
        } else {
          taken = Take(*line, take);
          if (!taken.ok()) return false;
          check = false;
        }
        offset_ = at + text.size() + 1;
        moved_ = true;
        return true;
      });
  if (ended && read.ok() && taken.ok()) again_ = false;
  return taken.ok() ? read : taken;
}

Status TrailCursor::Advance(size_t most, const TakeFn& take, bool* more) {
  size_t left = most;
  // Each file has a line more than those before it.
  for (;;) {
    bool newest = false;
    Result<Fd> file = OpenFile(&newest);
    if (!file.ok()) {
      return file.status().code() == Code::kNotFound ? Status() : std::move(file).status();
    }
    STATEWARD_RETURN_IF_ERROR(ReadFile(file->get(), &left, take));
    *more = left == 0;
    if (newest || *more) return Status();
    inode_ = 0;  // all of it is done with
    again_ = false;
  }
}

}  // namespace stateward
