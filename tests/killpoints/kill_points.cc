// A server that ends itself, with its whole process group, at a chosen disk call: linked in front
// of the library with `--wrap` (mk/crash.mk), so that every layer above is the one that is shipped.
//
//   STATEWARD_TEST_KILL_AT=WHEN:N    at the Nth call of a process that may change the disk;
//                                    WHEN: before it, after it, or half (after half of a write)
//   STATEWARD_TEST_DISK_CALLS=FILE   the name of each such call is appended to FILE
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "stateward/disk.h"

// Given by the linker for --wrap.
stateward::Disk& RealPosixDisk() asm("__real__ZN9stateward9PosixDiskEv");
stateward::Disk& WrappedPosixDisk() asm("__wrap__ZN9stateward9PosixDiskEv");

namespace stateward {
namespace {

enum class When : uint8_t { kNever, kBefore, kAfter, kHalf };

struct Plan {
  When when = When::kNever;
  unsigned long at = 0;
  int calls_fd = -1;
};

Plan ReadPlan() {
  Plan plan;
  const char* text = getenv("STATEWARD_TEST_KILL_AT");
  if (text != nullptr) {
    std::string kill_at = text;
    size_t colon = kill_at.find(':');
    std::string when = kill_at.substr(0, colon);
    plan.at = strtoul(kill_at.c_str() + colon + 1, nullptr, 10);
    plan.when = when == "before" ? When::kBefore : when == "after" ? When::kAfter : When::kHalf;
  }
  if (const char* path = getenv("STATEWARD_TEST_DISK_CALLS")) {
    plan.calls_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  }
  return plan;
}

class KillPointDisk : public Disk {
 public:
  KillPointDisk(Disk& disk, const Plan& plan) : disk_(disk), plan_(plan) {}

  int OpenAt(int dir, const char* path, int flags, uint32_t mode) override {
    bool makes = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    if (!makes) return disk_.OpenAt(dir, path, flags, mode);
    return Count("create", [&] { return disk_.OpenAt(dir, path, flags, mode); });
  }
  void Close(int fd) override { disk_.Close(fd); }
  long Write(int fd, const void* data, size_t n) override {
    return Count(
        "write", [&] { return disk_.Write(fd, data, n); }, [&] { disk_.Write(fd, data, n / 2); });
  }
  long WriteAt(int fd, const void* data, size_t n, uint64_t offset) override {
    return Count(
        "write-at", [&] { return disk_.WriteAt(fd, data, n, offset); },
        [&] { disk_.WriteAt(fd, data, n / 2, offset); });
  }
  long ReadAt(int fd, void* data, size_t n, uint64_t offset) override {
    return disk_.ReadAt(fd, data, n, offset);
  }
  int Truncate(int fd, uint64_t size) override {
    return Count("truncate", [&] { return disk_.Truncate(fd, size); });
  }
  int Allocate(int fd, uint64_t offset, uint64_t n) override {
    return Count("allocate", [&] { return disk_.Allocate(fd, offset, n); });
  }
  int Sync(int fd) override {
    return Count("sync", [&] { return disk_.Sync(fd); });
  }
  int SyncData(int fd) override {
    return Count("sync-data", [&] { return disk_.SyncData(fd); });
  }
  int LinkTmp(int fd, int dir, const char* path) override {
    return Count("link", [&] { return disk_.LinkTmp(fd, dir, path); });
  }
  int RenameAt(int from_dir, const char* from, int to_dir, const char* to) override {
    return Count("rename", [&] { return disk_.RenameAt(from_dir, from, to_dir, to); });
  }
  int UnlinkAt(int dir, const char* path) override {
    return Count("unlink", [&] { return disk_.UnlinkAt(dir, path); });
  }
  int MakeDirAt(int dir, const char* path, uint32_t mode) override {
    return Count("mkdir", [&] { return disk_.MakeDirAt(dir, path, mode); });
  }
  int RemoveDirAt(int dir, const char* path) override {
    return Count("rmdir", [&] { return disk_.RemoveDirAt(dir, path); });
  }
  int ChangeMode(int fd, uint32_t mode) override {
    return Count("chmod", [&] { return disk_.ChangeMode(fd, mode); });
  }
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
  [[noreturn]] static void Die() {
    kill(0, SIGKILL);
    for (;;) pause();
  }

  template <typename Call>
  std::invoke_result_t<Call> Count(const char* name, Call call) {
    return Count(name, call, [] {});
  }
  template <typename Call, typename Half>
  std::invoke_result_t<Call> Count(const char* name, Call call, Half half) {
    Note(name);
    bool here = ++count_ == plan_.at;
    if (here && plan_.when == When::kHalf) half();
    if (here && plan_.when != When::kAfter) Die();
    auto r = call();
    if (here) Die();
    return r;
  }
  void Note(const char* name) {
    if (plan_.calls_fd < 0) return;
    std::string line = std::string(name) + "\n";
    if (write(plan_.calls_fd, line.data(), line.size()) < 0) abort();
  }

  Disk& disk_;
  const Plan plan_;
  std::atomic<unsigned long> count_{0};
};

}  // namespace
}  // namespace stateward

stateward::Disk& WrappedPosixDisk() {
  static stateward::KillPointDisk disk(RealPosixDisk(), stateward::ReadPlan());
  return disk;
}
