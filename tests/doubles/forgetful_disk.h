// A Disk on real files that fails syncs, and forgets as the kernel does: what was written before a
// sync that failed counts as written, and the next sync says nothing of it. Byte for byte; a kernel
// forgets whole pages, so none forgets more.
#ifndef STATEWARD_TESTS_DOUBLES_FORGETFUL_DISK_H_
#define STATEWARD_TESTS_DOUBLES_FORGETFUL_DISK_H_

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "stateward/disk.h"

namespace stateward {

class ForgetfulDisk : public Disk {
 public:
  int pass_syncs = 0;        // so many of the next syncs of files work,
  int fail_syncs = 0;        // so many behind them fail
  bool die_at_sync = false;  // the process ends in the next one instead
  int fail_folder_syncs = 0;
  bool full = false;  // nothing new is made or written

  // What the disk itself holds of a file: what a power cut leaves of it.
  std::string Lasting(const std::string& path) {
    struct stat st {};
    std::lock_guard<std::mutex> hold(mutex_);
    return stat(path.c_str(), &st) == 0 ? files_[st.st_ino].lasting : "";
  }
  // 0: there is no such file.
  static ino_t Inode(const std::string& path) {
    struct stat st {};
    return stat(path.c_str(), &st) == 0 ? st.st_ino : 0;
  }
  // The kernel drops the pages of a file that it believes to be written.
  void DropPages(const std::string& path) {
    const std::string bytes = Lasting(path);
    int fd = open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC);
    [[maybe_unused]] ssize_t n = write(fd, bytes.data(), bytes.size());
    close(fd);
  }

  int OpenAt(int dir, const char* path, int flags, uint32_t mode) override {
    if (full && (flags & O_CREAT) != 0) return -ENOSPC;
    int fd = disk_.OpenAt(dir, path, flags, mode);
    const bool makes = (flags & O_TMPFILE) == O_TMPFILE || (flags & O_EXCL) != 0;
    if (fd >= 0 && makes) With(fd, [](File& file) { file = File(); });  // inodes are used again
    return fd;
  }
  void Close(int fd) override { disk_.Close(fd); }
  long Write(int fd, const void* data, size_t n) override {
    const off_t at = lseek(fd, 0, SEEK_CUR);
    long done = disk_.Write(fd, data, n);
    Note(fd, data, done, static_cast<uint64_t>(at));
    return done;
  }
  long WriteAt(int fd, const void* data, size_t n, uint64_t offset) override {
    if (full) return -ENOSPC;
    long done = disk_.WriteAt(fd, data, n, offset);
    Note(fd, data, done, offset);
    return done;
  }
  long ReadAt(int fd, void* data, size_t n, uint64_t offset) override {
    return disk_.ReadAt(fd, data, n, offset);
  }
  int Truncate(int fd, uint64_t size) override { return disk_.Truncate(fd, size); }
  int Allocate(int fd, uint64_t offset, uint64_t n) override {
    return full ? -ENOSPC : disk_.Allocate(fd, offset, n);
  }
  int Sync(int fd) override {
    struct stat st {};
    if (fstat(fd, &st) != 0) return -errno;
    if (S_ISDIR(st.st_mode)) return fail_folder_syncs-- > 0 ? -EIO : disk_.Sync(fd);
    if (die_at_sync) _exit(0);
    const bool fails = pass_syncs == 0 && fail_syncs > 0;
    if (fails) --fail_syncs;
    if (pass_syncs > 0) --pass_syncs;
    With(fd, [&](File& file) {
      for (const auto& [offset, bytes] : std::exchange(file.waiting, {})) {
        if (fails) continue;
        if (file.lasting.size() < offset + bytes.size()) {
          file.lasting.resize(offset + bytes.size());
        }
        file.lasting.replace(offset, bytes.size(), bytes);
      }
    });
    return fails ? -EIO : 0;
  }
  int SyncData(int fd) override { return Sync(fd); }
  int LinkTmp(int fd, int dir, const char* path) override { return disk_.LinkTmp(fd, dir, path); }
  int RenameAt(int from_dir, const char* from, int to_dir, const char* to) override {
    return disk_.RenameAt(from_dir, from, to_dir, to);
  }
  int UnlinkAt(int dir, const char* path) override { return disk_.UnlinkAt(dir, path); }
  int MakeDirAt(int dir, const char* path, uint32_t mode) override {
    return full ? -ENOSPC : disk_.MakeDirAt(dir, path, mode);
  }
  int RemoveDirAt(int dir, const char* path) override { return disk_.RemoveDirAt(dir, path); }
  int ChangeMode(int fd, uint32_t mode) override { return disk_.ChangeMode(fd, mode); }
  int StatAt(int dir, const char* path, DiskStat* out) override {
    return disk_.StatAt(dir, path, out);
  }
  int Stat(int fd, DiskStat* out) override { return disk_.Stat(fd, out); }
  int ListDir(int dir, std::vector<std::string>* names) override {
    return disk_.ListDir(dir, names);
  }
  bool KeepsJournal(int fd) override { return disk_.KeepsJournal(fd); }
  int LockFile(int fd) override { return disk_.LockFile(fd); }

 private:
  struct File {
    std::string lasting;
    std::vector<std::pair<uint64_t, std::string>> waiting;  // written since the last sync
  };
  template <typename Change>
  void With(int fd, Change change) {
    struct stat st {};
    if (fstat(fd, &st) != 0) return;
    std::lock_guard<std::mutex> hold(mutex_);
    change(files_[st.st_ino]);
  }
  void Note(int fd, const void* data, long n, uint64_t offset) {
    if (n <= 0) return;
    std::string bytes(static_cast<const char*>(data), static_cast<size_t>(n));
    With(fd, [&](File& file) { file.waiting.emplace_back(offset, std::move(bytes)); });
  }

  Disk& disk_ = PosixDisk();
  std::mutex mutex_;
  std::map<ino_t, File> files_;
};

}  // namespace stateward

#endif  // STATEWARD_TESTS_DOUBLES_FORGETFUL_DISK_H_
