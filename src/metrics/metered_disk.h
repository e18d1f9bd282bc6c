// A disk whose syncs are timed.
#ifndef STATEWARD_METRICS_METERED_DISK_H_
#define STATEWARD_METRICS_METERED_DISK_H_

#include <string>
#include <vector>

#include "stateward/clock.h"
#include "stateward/disk.h"
#include "stateward/observer.h"

namespace stateward {

// What is given must outlive it. Thread-safe.
class MeteredDisk : public Disk {
 public:
  MeteredDisk(Disk& inner, Observer& observer, const Clock& clock)
      : d_(inner), observer_(observer), clock_(clock) {}

  int OpenAt(int dir, const char* path, int flags, uint32_t mode) override {
    return d_.OpenAt(dir, path, flags, mode);
  }
  void Close(int fd) override { d_.Close(fd); }
  long Write(int fd, const void* data, size_t n) override { return d_.Write(fd, data, n); }
  long WriteAt(int fd, const void* data, size_t n, uint64_t offset) override {
    return d_.WriteAt(fd, data, n, offset);
  }
  long ReadAt(int fd, void* data, size_t n, uint64_t offset) override {
    return d_.ReadAt(fd, data, n, offset);
  }
  int Truncate(int fd, uint64_t size) override { return d_.Truncate(fd, size); }
  int Allocate(int fd, uint64_t offset, uint64_t n) override { return d_.Allocate(fd, offset, n); }
  int Sync(int fd) override {
    return Timed([&] { return d_.Sync(fd); });
  }
  int SyncData(int fd) override {
    return Timed([&] { return d_.SyncData(fd); });
  }
  int LinkTmp(int fd, int dir, const char* path) override { return d_.LinkTmp(fd, dir, path); }
  int RenameAt(int from_dir, const char* from, int to_dir, const char* to) override {
    return d_.RenameAt(from_dir, from, to_dir, to);
  }
  int UnlinkAt(int dir, const char* path) override { return d_.UnlinkAt(dir, path); }
  int MakeDirAt(int dir, const char* path, uint32_t mode) override {
    return d_.MakeDirAt(dir, path, mode);
  }
  int RemoveDirAt(int dir, const char* path) override { return d_.RemoveDirAt(dir, path); }
  int ChangeMode(int fd, uint32_t mode) override { return d_.ChangeMode(fd, mode); }
  int StatAt(int dir, const char* path, DiskStat* out) override {
    return d_.StatAt(dir, path, out);
  }
  int Stat(int fd, DiskStat* out) override { return d_.Stat(fd, out); }
  int ListDir(int dir, std::vector<std::string>* names) override { return d_.ListDir(dir, names); }
  bool KeepsJournal(int fd) override { return d_.KeepsJournal(fd); }
  int LockFile(int fd) override { return d_.LockFile(fd); }

 private:
  template <typename Call>
  int Timed(Call call) const {
    const int64_t start = clock_.SteadyUs();
    const int result = call();
    observer_.OnSync(clock_.SteadyUs() - start);
    return result;
  }

  Disk& d_;
  Observer& observer_;
  const Clock& clock_;
};

}  // namespace stateward

#endif  // STATEWARD_METRICS_METERED_DISK_H_
