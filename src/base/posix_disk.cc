#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/journal.h"
#include "stateward/disk.h"

namespace stateward {
namespace {

template <typename Call>
auto Retry(Call call) {
  auto r = call();
  while (r < 0 && errno == EINTR) r = call();
  return r;
}

template <typename Call>
int Do(Call call) {
  int r = Retry(call);
  return r < 0 ? -errno : r;
}

template <typename Call>
long DoLong(Call call) {
  ssize_t r = Retry(call);
  return r < 0 ? -errno : r;
}

void Fill(const struct stat& st, DiskStat* out) {
  out->is_dir = S_ISDIR(st.st_mode);
  out->is_file = S_ISREG(st.st_mode);
  out->size = static_cast<uint64_t>(st.st_size);
  out->mode = st.st_mode & 07777;
  out->uid = st.st_uid;
  out->mtime_ms = st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
  out->device = st.st_dev;
  out->inode = st.st_ino;
  out->changed_ns = st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec;
}

class PosixDiskImpl : public Disk {
 public:
  int OpenAt(int dir, const char* path, int flags, uint32_t mode) override {
    return Do([&] { return openat(dir, path, flags | O_CLOEXEC, mode); });
  }
  void Close(int fd) override { close(fd); }
  long Write(int fd, const void* data, size_t n) override {
    return DoLong([&] { return write(fd, data, n); });
  }
  long WriteAt(int fd, const void* data, size_t n, uint64_t offset) override {
    return DoLong([&] { return pwrite(fd, data, n, static_cast<off_t>(offset)); });
  }
  long ReadAt(int fd, void* data, size_t n, uint64_t offset) override {
    return DoLong([&] { return pread(fd, data, n, static_cast<off_t>(offset)); });
  }
  int Truncate(int fd, uint64_t size) override {
    return Do([&] { return ftruncate(fd, static_cast<off_t>(size)); });
  }
  int Allocate(int fd, uint64_t offset, uint64_t n) override {
    return Do([&] {
      return fallocate(fd, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(n));
    });
  }
  int Sync(int fd) override {
    return Do([&] { return fsync(fd); });
  }
  int SyncData(int fd) override {
    return Do([&] { return fdatasync(fd); });
  }
  // Since Linux 6.10 who opened a file may link it by its descriptor: that saves the way through
  // /proc, which takes longer than all the rest of the call. Refused is -ENOENT, as is a folder
  // that is gone; the other way then says which.
  int LinkTmp(int fd, int dir, const char* path) override {
    const int r = Do([&] { return linkat(fd, "", dir, path, AT_EMPTY_PATH); });
    if (r != -ENOENT) return r;
    char from[32];
    snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
    return Do([&] { return linkat(AT_FDCWD, from, dir, path, AT_SYMLINK_FOLLOW); });
  }
  int RenameAt(int from_dir, const char* from, int to_dir, const char* to) override {
    return Do([&] { return renameat(from_dir, from, to_dir, to); });
  }
  int UnlinkAt(int dir, const char* path) override {
    return Do([&] { return unlinkat(dir, path, 0); });
  }
  int MakeDirAt(int dir, const char* path, uint32_t mode) override {
    return Do([&] { return mkdirat(dir, path, mode); });
  }
  int RemoveDirAt(int dir, const char* path) override {
    const int r = Do([&] { return unlinkat(dir, path, AT_REMOVEDIR); });
    return r == -EEXIST ? -ENOTEMPTY : r;  // POSIX allows both
  }
  int ChangeMode(int fd, uint32_t mode) override {
    return Do([&] { return fchmod(fd, mode); });
  }
  int StatAt(int dir, const char* path, DiskStat* out) override {
    struct stat st {};
    int r = Do([&] { return fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW); });
    if (r == 0) Fill(st, out);
    return r;
  }
  int Stat(int fd, DiskStat* out) override {
    struct stat st {};
    int r = Do([&] { return fstat(fd, &st); });
    if (r == 0) Fill(st, out);
    return r;
  }
  int ListDir(int dir, std::vector<std::string>* names) override;
  bool KeepsJournal(int fd) override { return stateward::KeepsJournal(fd); }
  int LockFile(int fd) override {
    return Do([&] { return flock(fd, LOCK_EX | LOCK_NB); });
  }
};

int PosixDiskImpl::ListDir(int dir, std::vector<std::string>* names) {
  // A descriptor of its own: closedir() closes it, and the position is not shared.
  int fd = OpenAt(dir, ".", O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0) return fd;
  DIR* stream = fdopendir(fd);
  if (stream == nullptr) {
    int err = errno;
    close(fd);
    return -err;
  }
  names->clear();
  errno = 0;
  while (const dirent* entry = readdir(stream)) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names->push_back(std::move(name));
    errno = 0;
  }
  int err = errno;
  closedir(stream);
  return -err;
}

}  // namespace

Disk& PosixDisk() {
  static PosixDiskImpl disk;
  return disk;
}

}  // namespace stateward
