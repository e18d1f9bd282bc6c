#include "metrics/region.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/files.h"
#include "base/process.h"

namespace stateward {
namespace {

using Counter = std::atomic<uint64_t>;
using counters::kGauges;
using counters::kTotal;

// In the file's name, so that servers of two layouts never meet in one file.
constexpr char kName[] = "metrics-v5";

struct Owner {
  Counter pid;  // 0: the slot is free
  Counter start;
};

struct Slot {
  Counter values[kTotal];
  Counter gauges[kGauges];
};

// Makes the functions that need the file exclusive among processes and threads.
class FlockGuard {
 public:
  explicit FlockGuard(int fd) : fd_(fd), status_(LockFd(PosixDisk(), fd, Region::kLockMs, kName)) {}
  ~FlockGuard() { flock(fd_, LOCK_UN); }
  FlockGuard(const FlockGuard&) = delete;
  FlockGuard& operator=(const FlockGuard&) = delete;
  const Status& status() const { return status_; }

 private:
  int fd_;
  Status status_;
};

Status Ours(const DiskStat& stat, const std::string& path) {
  if ((stat.uid != geteuid() && stat.uid != 0) || (stat.mode & 022) != 0) {
    return Status::Unavailable(path +
                               " may be written by other users; chmod go-w it, or set "
                               "RUNTIME_DIR to a folder of this user");
  }
  return Status();
}

// The file in its folder, as large as it must be: a page that has no room on the disk would kill
// the process that touches it.
Result<Fd> OpenCounters(const std::string& folder, size_t size) {
  Disk& disk = PosixDisk();
  const std::string path = folder + "/" + kName;
  Result<Fd> dir = OpenDirAt(disk, AT_FDCWD, folder);
  if (!dir.ok()) return Status::Unavailable(dir.status().detail());
  DiskStat stat;
  int r = disk.Stat(dir->get(), &stat);
  if (r < 0) return FromErrno(folder, -r);
  STATEWARD_RETURN_IF_ERROR(Ours(stat, folder));
  Result<Fd> file = OpenFileAt(disk, dir->get(), kName, O_RDWR | O_CREAT | O_NONBLOCK);
  if (!file.ok()) return Status::Unavailable(file.status().detail());
  r = disk.Stat(file->get(), &stat);
  if (r < 0) return FromErrno(path, -r);
  if (!stat.is_file) return Status::Unavailable(path + " is no regular file");
  STATEWARD_RETURN_IF_ERROR(Ours(stat, path));
  // Zeros are a region in which nothing was counted.
  const int error = posix_fallocate(file->get(), 0, static_cast<off_t>(size));
  if (error != 0) return FromErrno("room for " + path, error);
  return file;
}

}  // namespace

// One of the two copies of the retired counts is in force: the one that the lowest bit of `fold`
// names. Its other bits name the slot (counted from 1) whose counts are in that copy but not yet
// emptied; 0 = none.
//
// The owners lie together: who looks for the dead, or for a free slot, touches a page of them and
// not one of each slot, around which the kernel maps 15 more into the process.
struct Region::File {
  Counter fold;
  Owner owners[kSlots];
  Counter retired[2][kTotal];
  Slot slots[kSlots];
};

Result<std::unique_ptr<Region>> Region::Open(const std::string& folder) {
  Result<Fd> file = OpenCounters(folder, sizeof(File));
  if (!file.ok()) return std::move(file).status();
  void* p = mmap(nullptr, sizeof(File), PROT_READ | PROT_WRITE, MAP_SHARED, file->get(), 0);
  if (p == MAP_FAILED) return FromErrno(kName, errno);
  std::unique_ptr<Region> region(new Region(std::move(*file), static_cast<File*>(p)));
  STATEWARD_RETURN_IF_ERROR(region->TakeSlot());
  return region;
}

Region::~Region() { munmap(file_, sizeof(File)); }

Status Region::TakeSlot() {
  FlockGuard hold(fd_.get());
  STATEWARD_RETURN_IF_ERROR(Status(hold.status()));
  FoldDead();
  ProcessId self = SelfProcess();
  for (size_t i = 0; i < kSlots; ++i) {
    Owner& owner = file_->owners[i];
    if (owner.pid != 0) continue;
    owner.start = self.start;
    owner.pid = self.pid;
    slot_ = file_->slots[i].values;
    gauges_ = file_->slots[i].gauges;
    return Status();
  }
  return Status::Unavailable("metrics: all slots are taken by live processes");
}

// REQUIRES: the flock. Each step may be the last that this process does:
// (1) the copy that is not in force becomes "retired + slot": nobody looks at it yet;
// (2) `fold` puts it in force and says in the same store that the slot's counts are in it;
// (3) the slot is emptied; (4) `fold` says so.
void Region::FoldDead() {
  for (size_t i = 0; i < kSlots; ++i) {
    uint64_t fold = file_->fold;
    size_t copy = fold & 1;
    size_t pending = fold >> 1;
    if (pending == 0) {
      const Owner& owner = file_->owners[i];
      const ProcessId process{static_cast<uint32_t>(owner.pid.load()), owner.start.load()};
      if (process.pid == 0 || IsAlive(process)) continue;
      const Slot& slot = file_->slots[i];
      for (size_t c = 0; c < kTotal; ++c) {
        file_->retired[1 - copy][c] = file_->retired[copy][c].load() + slot.values[c].load();
      }
      copy = 1 - copy;
      pending = i + 1;
      file_->fold = pending << 1 | copy;
    }
    Slot& slot = file_->slots[pending - 1];
    for (Counter& value : slot.values) value = 0;
    for (Counter& gauge : slot.gauges) gauge = 0;
    file_->owners[pending - 1].start = 0;
    file_->owners[pending - 1].pid = 0;
    file_->fold = copy;
  }
}

Result<Region::Sum> Region::Total() {
  FlockGuard hold(fd_.get());
  if (!hold.status().ok()) return hold.status();
  FoldDead();
  Sum sum;
  size_t copy = file_->fold & 1;
  for (size_t c = 0; c < kTotal; ++c) sum.values[c] = file_->retired[copy][c];
  for (size_t i = 0; i < kSlots; ++i) {
    if (file_->owners[i].pid == 0) continue;
    const Slot& slot = file_->slots[i];
    ++sum.processes;
    for (size_t c = 0; c < kTotal; ++c) sum.values[c] += slot.values[c];
    for (size_t g = 0; g < kGauges; ++g) sum.gauges[g] += slot.gauges[g];
  }
  return sum;
}

}  // namespace stateward
