// A Disk on a real folder that remembers what was synced, and shows what a power cut would leave:
//   - a file holds what it held at its last sync; nothing when there was none;
//   - a folder holds the names that it held at its last sync;
//   - without a journal a name is taken away when the file was not synced since it had its first.
// Kinder file systems keep more; none may keep less.
#ifndef STATEWARD_TESTS_DOUBLES_POWER_CUT_DISK_H_
#define STATEWARD_TESTS_DOUBLES_POWER_CUT_DISK_H_

#include <sys/types.h>

#include <atomic>
#include <climits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "stateward/disk.h"

namespace stateward {

class PowerCutDisk : public Disk {
 public:
  // `root` is an empty folder that outlives every power cut.
  explicit PowerCutDisk(std::string root) : root_(std::move(root)) {}

  // Without them a sync says that it was done, and does nothing.
  std::atomic<bool> sync_files{true};
  std::atomic<bool> sync_folders{true};
  // So many syncs work; then each fails, so that a caller gets no further than one that died there.
  std::atomic<int> syncs_left{INT_MAX};

  // What the disk is, and what it is known to be.
  std::atomic<bool> has_journal{true};
  std::atomic<bool> says_journal{true};

  // Makes in the empty folder `to` what would be in `root` when the power comes back.
  void CutTo(const std::string& to);

  int OpenAt(int dir, const char* path, int flags, uint32_t mode) override;
  void Close(int fd) override { disk_.Close(fd); }
  long Write(int fd, const void* data, size_t n) override { return disk_.Write(fd, data, n); }
  long WriteAt(int fd, const void* data, size_t n, uint64_t offset) override {
    return disk_.WriteAt(fd, data, n, offset);
  }
  long ReadAt(int fd, void* data, size_t n, uint64_t offset) override {
    return disk_.ReadAt(fd, data, n, offset);
  }
  int Truncate(int fd, uint64_t size) override { return disk_.Truncate(fd, size); }
  int Sync(int fd) override;
  int SyncData(int fd) override { return Sync(fd); }
  int LinkTmp(int fd, int dir, const char* path) override { return disk_.LinkTmp(fd, dir, path); }
  int RenameAt(int from_dir, const char* from, int to_dir, const char* to) override {
    return disk_.RenameAt(from_dir, from, to_dir, to);
  }
  int UnlinkAt(int dir, const char* path) override { return disk_.UnlinkAt(dir, path); }
  int MakeDirAt(int dir, const char* path, uint32_t mode) override;
  int StatAt(int dir, const char* path, DiskStat* out) override {
    return disk_.StatAt(dir, path, out);
  }
  int Stat(int fd, DiskStat* out) override { return disk_.Stat(fd, out); }
  int ListDir(int dir, std::vector<std::string>* names) override {
    return disk_.ListDir(dir, names);
  }
  bool KeepsJournal(int) override { return says_journal; }
  int LockFile(int fd) override { return disk_.LockFile(fd); }

 private:
  // What lasts of a file or a folder.
  struct Node {
    bool is_dir = false;
    std::string bytes;
    bool linked = false;  // its count of links was not 0 at the last sync
    std::map<std::string, std::shared_ptr<Node>> entries;
  };
  // An inode's number is used again when its file is gone, so a new file gets a new node.
  std::shared_ptr<Node> Fresh(ino_t inode, bool is_dir);
  std::shared_ptr<Node> NodeOf(ino_t inode, bool is_dir);
  void SyncFolder(int fd, Node* node);
  void Restore(const Node& node, const std::string& path);

  Disk& disk_ = PosixDisk();
  const std::string root_;
  std::mutex mutex_;
  std::map<ino_t, std::shared_ptr<Node>> nodes_;
};

}  // namespace stateward

#endif  // STATEWARD_TESTS_DOUBLES_POWER_CUT_DISK_H_
