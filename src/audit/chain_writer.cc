#include "audit/chain_writer.h"

#include <fcntl.h>

#include <cerrno>
#include <optional>

#include "audit/audit_line.h"
#include "audit/line_reader.h"
#include "base/random.h"

namespace stateward {
namespace {

// Taken at once, so that not each turn asks for blocks.
constexpr uint64_t kReserveStep = 2 * kAuditReserve;

bool IsSame(const DiskStat& a, const DiskStat& b) {
  return a.device == b.device && a.inode == b.inode;
}

}  // namespace

ChainWriter::ChainWriter(Disk& disk, std::string file, std::string end_path, bool reserve,
                         int turn_ms, const Clock& clock)
    : disk_(disk),
      file_(std::move(file)),
      end_path_(std::move(end_path)),
      reserve_(reserve),
      turn_ms_(turn_ms),
      clock_(clock) {}

// Afterwards fd_ is the file that has the name now.
Status ChainWriter::OpenFile() {
  DiskStat named;
  const int r = disk_.StatAt(AT_FDCWD, file_.c_str(), &named);
  if (fd_.valid() && r == 0 && IsSame(named, opened_)) return Status();
  if (NeedsSync()) STATEWARD_RETURN_IF_ERROR(Sync());  // else the bytes would be out of reach
  fd_.Reset();
  reserved_ = 0;
  const int opened = disk_.OpenAt(AT_FDCWD, file_.c_str(),
                                  O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0640);
  if (opened < 0) return CannotOpen(file_, opened);
  Fd fd(disk_, opened);
  const int s = disk_.Stat(fd.get(), &opened_);
  if (s < 0) return DiskError(file_, s);
  if (!opened_.is_file) return Status::Unavailable("audit: " + file_ + " is no regular file");
  STATEWARD_RETURN_IF_ERROR(SyncFolderAbove(disk_, file_));
  fd_ = std::move(fd);
  return Status();
}

// Lines of this chain from offset `from` on move its end; *strange counts the bytes that are none,
// *open_line says that the last one has no line end.
void ChainWriter::FollowLines(ByteView key, int fd, uint64_t from, uint64_t* strange,
                              bool* open_line) {
  const Status read = EachLine(disk_, fd, from, [&](std::string_view text, bool whole, uint64_t) {
    *open_line = !whole;
    Result<AuditLine> line = ReadAuditLine(key, text);
    const bool fits = whole && line.ok() && line->head.chain == end_.head.chain &&
                      line->head.sequence == end_.head.sequence + 1 && line->prev == end_.head.mac;
    if (fits) {
      end_.head = line->head;
    } else {
      *strange += text.size() + 1;
    }
    return true;
  });
  if (!read.ok()) ++*strange;
}

// A power cut may have taken the newest end, and the file may have been renamed since.
void ChainWriter::FollowRenamed(ByteView key) {
  const size_t slash = file_.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : file_.substr(0, slash + 1);
  Result<Fd> dir = OpenDirAt(disk_, AT_FDCWD, folder);
  std::vector<std::string> names;
  if (!dir.ok() || disk_.ListDir(dir->get(), &names) < 0) return;
  for (const std::string& name : names) {
    DiskStat stat;
    const bool is_it = disk_.StatAt(dir->get(), name.c_str(), &stat) == 0 && stat.is_file &&
                       stat.device == end_.device && stat.inode == end_.inode;
    if (!is_it) continue;
    Result<Fd> fd = OpenFileAt(disk_, dir->get(), name, O_RDONLY);
    uint64_t strange = 0;
    bool open_line = false;
    if (fd.ok()) FollowLines(key, fd->get(), end_.size, &strange, &open_line);
    return;
  }
}

// There is no end: the file's newest line is it, or a chain begins.
Status ChainWriter::FindEnd(ByteView key, uint64_t size) {
  end_ = ChainEnd();
  if (size > 0) {
    Result<Fd> fd = OpenFileAt(disk_, AT_FDCWD, file_, O_RDONLY);
    if (!fd.ok()) return std::move(fd).status();
    STATEWARD_RETURN_IF_ERROR(
        EachLine(disk_, fd->get(), 0, [&](std::string_view text, bool, uint64_t at) {
          Result<AuditLine> line = ReadAuditLine(key, text);
          if (!line.ok()) return true;
          end_.head = line->head;
          end_.size = at + text.size() + 1;
          return true;
        }));
    end_.device = opened_.device;
    end_.inode = opened_.inode;
  }
  if (end_.head.chain.empty()) end_.head.chain = RandomHex(8);
  return Status();
}

// What stands in the file behind the end that is known: lines of a process that died before it
// could say so, or something strange. *torn: the fields of lines that say so.
Status ChainWriter::CatchUp(ByteView key, std::vector<std::string>* torn) {
  DiskStat now;
  const int r = disk_.Stat(fd_.get(), &now);
  if (r < 0) return DiskError(file_, r);
  size_ = now.size;
  if (end_.head.chain.empty()) STATEWARD_RETURN_IF_ERROR(FindEnd(key, size_));
  const bool same = end_.device == opened_.device && end_.inode == opened_.inode;
  if (same && end_.size == size_) return Status();
  if (!same && end_.inode != 0) FollowRenamed(key);
  const uint64_t from = same && end_.size <= size_ ? end_.size : 0;
  uint64_t strange = 0;
  bool open_line = false;
  if (size_ > from) {
    Result<Fd> fd = OpenFileAt(disk_, AT_FDCWD, file_, O_RDONLY);
    if (!fd.ok()) return std::move(fd).status();
    FollowLines(key, fd->get(), from, &strange, &open_line);
  }
  if (open_line) STATEWARD_RETURN_IF_ERROR(Append("\n"));
  if (strange > 0) {
    torn->push_back(AuditFields(kAuditTorn, clock_.NowMs(),
                                "what stands before this line is no line of the chain", strange));
  }
  if (same && end_.size > size_) {
    torn->push_back(AuditFields(kAuditTorn, clock_.NowMs(), "the file has become shorter"));
  }
  return Status();
}

Status ChainWriter::Append(std::string_view text) {
  const long n = disk_.Write(fd_.get(), text.data(), text.size());
  if (n == static_cast<long>(text.size())) {
    unsynced_.emplace_back(size_, text);
    size_ += text.size();
    return Status();
  }
  // Nobody was told that they were there. Where a file may only grow, a later turn tells of them.
  if (n > 0) (void)disk_.Truncate(fd_.get(), size_);
  return n < 0 ? FromErrno("audit: " + file_, static_cast<int>(-n))
               : Status::Unavailable("audit: " + file_ + ": no room for the line");
}

Status ChainWriter::Write(ByteView key, const std::vector<ChainEntry*>& entries) {
  if (sync_failed_) STATEWARD_RETURN_IF_ERROR(Sync());
  Result<ChainTurn> turn = ChainTurn::Take(disk_, end_path_, turn_ms_);
  if (!turn.ok()) return std::move(turn).status();
  Result<std::optional<ChainEnd>> end = turn->Read(key);
  if (!end.ok()) return std::move(end).status();
  end_ = end->value_or(ChainEnd());
  std::vector<std::string> torn;
  if (!file_.empty()) {
    STATEWARD_RETURN_IF_ERROR(OpenFile());
    STATEWARD_RETURN_IF_ERROR(CatchUp(key, &torn));
    Reserve();
  } else if (end_.head.chain.empty()) {
    end_.head.chain = RandomHex(8);
  }
  std::string text;
  AuditHead head = end_.head;
  for (const std::string& fields : torn) text += ChainLine(key, fields, &head);
  for (ChainEntry* entry : entries) {
    if (!has_room_ && !entry->may_use_reserve) continue;
    entry->line = ChainLine(key, entry->fields, &head);
    entry->head = head;
    entry->written = true;
    text += entry->line;
  }
  Status written = file_.empty() || text.empty() ? Status() : Append(text);
  if (written.ok()) {
    end_.head = head;
    end_.device = opened_.device;
    end_.inode = opened_.inode;
    end_.size = size_;
    written = turn->Write(key, end_);
  }
  if (!written.ok()) {
    for (ChainEntry* entry : entries) entry->written = false;
  }
  return written;
}

Status ChainWriter::Sync() {
  if (!NeedsSync()) return Status();
  if (sync_failed_) STATEWARD_RETURN_IF_ERROR(WriteAgain());
  const int r = disk_.SyncData(fd_.get());
  sync_failed_ = r < 0;
  if (r < 0) return FromErrno("audit: sync of " + file_, -r);
  unsynced_.clear();
  return Status();
}

Status ChainWriter::WriteAgain() {
  // Not through fd_: what is written to that one goes to the end.
  const std::string path = "/proc/self/fd/" + std::to_string(fd_.get());
  const int fd = disk_.OpenAt(AT_FDCWD, path.c_str(), O_WRONLY, 0);
  if (fd < 0) return FromErrno("audit: " + file_ + " cannot be written again", -fd);
  Fd again(disk_, fd);
  for (const auto& [at, text] : unsynced_) {
    const long n = disk_.WriteAt(fd, text.data(), text.size(), at);
    if (n != static_cast<long>(text.size())) {
      return Status::Unavailable("audit: " + file_ + " cannot be written again");
    }
  }
  return Status();
}

void ChainWriter::Reserve() {
  if (!reserve_ || !fd_.valid()) return;
  if (size_ + kAuditReserve <= reserved_) return;
  int r = disk_.Allocate(fd_.get(), size_, kReserveStep);
  if (r == 0) reserved_ = size_ + kReserveStep;
  if (r == -ENOSPC || r == -EDQUOT) {
    // As much as must be there.
    r = disk_.Allocate(fd_.get(), size_, kAuditReserve);
    if (r == 0) reserved_ = size_ + kAuditReserve;
  }
  // Where nothing can be kept free, those at work have to hope as well.
  has_room_ = r == 0 || r == -EOPNOTSUPP || r == -ENOSYS;
}

void ChainWriter::Look() {
  if (file_.empty()) return;
  DiskStat named;
  const int r = disk_.StatAt(AT_FDCWD, file_.c_str(), &named);
  if (fd_.valid() && (r < 0 || !IsSame(named, opened_)) && Sync().ok()) {
    fd_.Reset();
    reserved_ = 0;
  }
  if (!reserve_ || has_room_ || !OpenFile().ok()) return;
  if (disk_.Stat(fd_.get(), &named) == 0) size_ = named.size;
  Reserve();
}

}  // namespace stateward
