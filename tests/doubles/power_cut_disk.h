// A Disk on a real folder that remembers what was synced, and shows what a power cut would leave:
//   - of a file, what was written before its last sync that worked;
//   - of a folder, the names that were made and removed before its last sync that worked;
//   - without a journal, no name of a file whose count of links was not synced since it had its
//     first name.
// Kinder file systems keep more; none may keep less. A sync that fails forgets as the kernel does:
// what it could not write counts as written, and the next sync says OK without it.
#ifndef STATEWARD_TESTS_DOUBLES_POWER_CUT_DISK_H_
#define STATEWARD_TESTS_DOUBLES_POWER_CUT_DISK_H_

#include <sys/types.h>

#include <atomic>
#include <climits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "stateward/disk.h"

namespace stateward {

class PowerCutDisk : public Disk {
 public:
  // `root` is an empty folder that outlives every power cut.
  explicit PowerCutDisk(std::string root);

  // Without them a sync says that it was done, and does nothing.
  std::atomic<bool> sync_files{true};
  std::atomic<bool> sync_folders{true};
  // So many syncs work; then each fails, so that a caller gets no further than one that died there.
  std::atomic<int> syncs_left{INT_MAX};
  // What the disk is, and what it is known to be.
  std::atomic<bool> has_journal{true};
  std::atomic<bool> says_journal{true};

  // The `at`-th call (from 0) of the calling thread fails with `error`; with `on` each after it,
  // too, until Heal.
  void FailAt(int at, bool on, int error);
  void Heal() { plan_ = Plan{}; }
  // False: fewer calls were made.
  bool Failed() const { return plan_.failed; }

  // Makes in the empty folder `to` what would be in `root` when the power comes back.
  void CutTo(const std::string& to);

  int OpenAt(int dir, const char* path, int flags, uint32_t mode) override;
  void Close(int fd) override { disk_.Close(fd); }
  long Write(int fd, const void* data, size_t n) override;
  long WriteAt(int fd, const void* data, size_t n, uint64_t offset) override;
  long ReadAt(int fd, void* data, size_t n, uint64_t offset) override;
  int Truncate(int fd, uint64_t size) override;
  int Allocate(int fd, uint64_t offset, uint64_t n) override {
    return disk_.Allocate(fd, offset, n);
  }
  int Sync(int fd) override;
  int SyncData(int fd) override { return Sync(fd); }
  int LinkTmp(int fd, int dir, const char* path) override;
  int RenameAt(int from_dir, const char* from, int to_dir, const char* to) override;
  int UnlinkAt(int dir, const char* path) override;
  int MakeDirAt(int dir, const char* path, uint32_t mode) override;
  int RemoveDirAt(int dir, const char* path) override;
  int ChangeMode(int fd, uint32_t mode) override;
  int StatAt(int dir, const char* path, DiskStat* out) override;
  int Stat(int fd, DiskStat* out) override;
  int ListDir(int dir, std::vector<std::string>* names) override;
  bool KeepsJournal(int) override { return says_journal; }
  int LockFile(int fd) override;

 private:
  // A file or a folder: what lasts of it, and what the next sync is to write.
  struct Node {
    bool is_dir = false;
    std::string bytes;
    std::vector<std::pair<uint64_t, std::string>> written;
    bool linked = false;  // its count of links is not 0 on the disk
    bool link_waits = false;
    uint32_t mode = 0600;
    std::map<std::string, std::shared_ptr<Node>> entries;
    std::map<std::string, std::shared_ptr<Node>> changed;  // null: taken away
  };
  struct Plan {
    std::thread::id thread;
    int calls_left = INT_MAX;
    bool on = false;
    int error = 0;
    bool failed = false;
  };
  // Whether the call that is being made fails.
  bool Fails();
  // An inode's number is used again when its file is gone, so a new file gets a new node.
  std::shared_ptr<Node> Fresh(ino_t inode, bool is_dir);
  std::shared_ptr<Node> NodeOf(int fd);
  void Name(int dir, const char* path, std::shared_ptr<Node> node);
  void Note(int fd, const void* data, long n, uint64_t offset);
  void Restore(const Node& node, const std::string& path);

  Disk& disk_ = PosixDisk();
  const std::string root_;
  std::mutex mutex_;
  Plan plan_;
  std::map<ino_t, std::shared_ptr<Node>> nodes_;
};

}  // namespace stateward

#endif  // STATEWARD_TESTS_DOUBLES_POWER_CUT_DISK_H_
