// Files and folders through the Disk seam: owned descriptors, whole reads, durable creation.
// Thread rule: an Fd belongs to one thread; the functions hold no state.
#ifndef STATEWARD_BASE_FILES_H_
#define STATEWARD_BASE_FILES_H_

#include <string>
#include <utility>

#include "stateward/bytes.h"
#include "stateward/disk.h"
#include "stateward/result.h"

namespace stateward {

// A descriptor that is closed when this goes.
class Fd {
 public:
  Fd() = default;
  Fd(Disk& disk, int fd) : disk_(&disk), fd_(fd) {}
  Fd(Fd&& other) noexcept : disk_(other.disk_), fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      Reset();
      disk_ = other.disk_;
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Fd() { Reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  void Reset() {
    if (fd_ >= 0) disk_->Close(fd_);
    fd_ = -1;
  }

 private:
  Disk* disk_ = nullptr;
  int fd_ = -1;
};

// kNotFound exactly for ENOENT; kUnavailable for the rest, ENOTDIR (a file where a folder belongs)
// among it. The caller decides whether
// "not found" proves anything.
Status DiskError(std::string_view what, int negative_errno);

Result<Fd> OpenDirAt(Disk& disk, int dir, const std::string& path);
// Folder `path`, open, and the names in it. kNotFound, too, when it is removed between the two: an
// empty one is, for a moment, when its first entry is made (MakeFolderDurably).
Result<Fd> OpenAndListAt(Disk& disk, int dir, const std::string& path,
                         std::vector<std::string>* names);
// A regular file, or with O_DIRECTORY a folder: what else has the name is kUnavailable, and nobody
// waits for it, as one would for a FIFO.
Result<Fd> OpenFileAt(Disk& disk, int dir, const std::string& path, int flags);
// The first `limit` bytes, or all when there are fewer.
Result<Bytes> ReadUpTo(Disk& disk, int fd, size_t limit);
// The same of the regular file at `path`.
Result<Bytes> ReadFrontAt(Disk& disk, int dir, const std::string& path, size_t limit);
// A whole file of at most `limit` bytes; kCorruption when it is larger.
Result<Bytes> ReadFileAt(Disk& disk, int dir, const std::string& path, size_t limit);
Status WriteAll(Disk& disk, int fd, ByteView bytes);
Status SyncFd(Disk& disk, int fd, std::string_view what);
// Makes the entry of `path` in the folder above it last.
Status SyncFolderAbove(Disk& disk, const std::string& path);
// OK when it exists afterwards; sets *made when this call made it.
Status MakeDirAt(Disk& disk, int dir, const std::string& path, bool* made);
// Opens folder `name` of `above`, and makes it when it is not there. An empty one is made again:
// its maker may have died before the sync, or the sync may have failed, and then the next one
// says OK although the name is not on the disk. Where something lies in it, its name lasts.
// REQUIRES: the flock on `above`, kept until something lies in the folder.
Result<Fd> MakeFolderDurably(Disk& disk, int above, const std::string& name);

// Of a file that is still being written, or whose writer died.
bool IsTemporaryName(const std::string& name);

// What Disk::KeepsJournal says of a folder; kNotKnown costs one sync more.
enum class Journal : uint8_t { kKept, kNotKnown };
// kReadOnly: when the name is known to last, the owner's right to write the file goes; a name
// without that mark is one of which nobody knows.
enum class Keep : uint8_t { kWritable, kReadOnly };
enum class CreateOutcome : uint8_t { kCreated, kExists };
// Gives `bytes` the name `name` in folder `dir`, create-exclusive: nobody ever sees a part of them.
// The bytes are synced before the name appears and the folder after it; without a journal the file
// in between, too: its count of links is still 0 on the disk, and a check after a power cut would
// take it away. When it fails, the name may be there all the same, but then with all bytes.
Result<CreateOutcome> CreateDurably(Disk& disk, int dir, const std::string& name, ByteView bytes,
                                    Keep keep = Keep::kWritable,
                                    Journal journal = Journal::kNotKnown);
// The same, but exchanges what has the name.
Status ReplaceDurably(Disk& disk, int dir, const std::string& name, ByteView bytes,
                      Keep keep = Keep::kWritable);
// Makes sure that a name lasts which was made with kReadOnly. Without the mark the file is made
// again, of at most `limit` bytes, and takes the name: to sync the folder is not enough when a sync
// of it failed before, for the kernel counts what it could not write as written. kNotFound: no such
// name. REQUIRES: nobody else exchanges the file meanwhile.
Status SettleName(Disk& disk, int dir, const std::string& name, size_t limit);
// Waits for the flock, at most `limit_ms`; kUnavailable then. Gone with the descriptor.
Status LockFd(Disk& disk, int fd, int limit_ms, std::string_view what);

}  // namespace stateward

#endif  // STATEWARD_BASE_FILES_H_
