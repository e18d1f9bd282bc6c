// The file system calls that the fs storage and the local lock make, one virtual function each, so
// that tests can fail them, stop the process at them, and drop what was not synced.
//
// Every function returns what the system call returns, or -errno; it retries EINTR itself.
// Thread-safe.
#ifndef STATEWARD_DISK_H_
#define STATEWARD_DISK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace stateward {

struct DiskStat {
  bool is_dir = false;
  bool is_file = false;
  uint64_t size = 0;
  uint32_t mode = 0;  // permission bits
  uint32_t uid = 0;
  int64_t mtime_ms = 0;
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t changed_ns = 0;  // st_ctim, since 1970
};

class Disk {
 public:
  virtual ~Disk() = default;
  virtual int OpenAt(int dir, const char* path, int flags, uint32_t mode) = 0;  // adds O_CLOEXEC
  virtual void Close(int fd) = 0;
  virtual long Write(int fd, const void* data, size_t n) = 0;
  virtual long WriteAt(int fd, const void* data, size_t n, uint64_t offset) = 0;
  virtual long ReadAt(int fd, void* data, size_t n, uint64_t offset) = 0;
  virtual int Truncate(int fd, uint64_t size) = 0;
  // Takes the blocks of these bytes, and leaves the file's size alone; -EOPNOTSUPP where the file
  // system cannot.
  virtual int Allocate(int fd, uint64_t offset, uint64_t n) = 0;
  virtual int Sync(int fd) = 0;      // fsync
  virtual int SyncData(int fd) = 0;  // fdatasync
  // Gives an O_TMPFILE file a name; -EEXIST when the name is taken.
  virtual int LinkTmp(int fd, int dir, const char* path) = 0;
  // Atomically gives path `from` the name `to`, replacing what has it.
  virtual int RenameAt(int from_dir, const char* from, int to_dir, const char* to) = 0;
  virtual int UnlinkAt(int dir, const char* path) = 0;
  virtual int MakeDirAt(int dir, const char* path, uint32_t mode) = 0;
  virtual int RemoveDirAt(int dir, const char* path) = 0;  // -ENOTEMPTY when something lies in it
  virtual int ChangeMode(int fd, uint32_t mode) = 0;
  virtual int StatAt(int dir, const char* path, DiskStat* out) = 0;
  virtual int Stat(int fd, DiskStat* out) = 0;
  // The names in a folder, without "." and "..", in no order.
  virtual int ListDir(int dir, std::vector<std::string>* names) = 0;
  // Whether a sync of the folder `fd` makes a new name in it and the file's count of links last
  // together (base/journal.h). False when that is not known.
  virtual bool KeepsJournal(int fd) = 0;
  // Tries for an exclusive flock; -EWOULDBLOCK when another description has it. Released by Close.
  virtual int LockFile(int fd) = 0;
};

// The real calls. Lives as long as the process.
Disk& PosixDisk();

}  // namespace stateward

#endif  // STATEWARD_DISK_H_
