#include "metrics/region.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/process.h"

namespace stateward {
namespace {

using Counter = std::atomic<uint64_t>;
using counters::kTotal;

// In the file's name, so that servers of two layouts never meet in one file.
constexpr char kName[] = "/metrics-v1";

struct Slot {
  Counter pid;  // 0: free
  Counter start;
  Counter values[kTotal];
};

// Makes the functions that need the file exclusive among processes and threads.
class FlockGuard {
 public:
  explicit FlockGuard(int fd) : fd_(fd) {
    while (flock(fd_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  ~FlockGuard() { flock(fd_, LOCK_UN); }
  FlockGuard(const FlockGuard&) = delete;
  FlockGuard& operator=(const FlockGuard&) = delete;

 private:
  int fd_;
};

}  // namespace

// One of the two copies of the retired counts is in force: the one that the lowest bit of `fold`
// names. Its other bits name the slot (counted from 1) whose counts are in that copy but not yet
// emptied; 0 = none.
struct Region::File {
  Counter fold;
  Counter stored_objects;
  Counter locks_held;
  Counter gauges_time_ms;
  Counter retired[2][kTotal];
  Slot slots[kSlots];
};

Result<std::unique_ptr<Region>> Region::Open(const std::string& folder) {
  std::string path = folder + kName;
  int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return FromErrno(path, errno);
  // Zeros are a region in which nothing was counted.
  if (ftruncate(fd, sizeof(File)) != 0) {
    Status status = FromErrno(path, errno);
    close(fd);
    return status;
  }
  void* p = mmap(nullptr, sizeof(File), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (p == MAP_FAILED) {
    Status status = FromErrno(path, errno);
    close(fd);
    return status;
  }
  std::unique_ptr<Region> region(new Region(fd, static_cast<File*>(p)));
  STATEWARD_RETURN_IF_ERROR(region->TakeSlot());
  return region;
}

Region::~Region() {
  munmap(file_, sizeof(File));
  close(fd_);
}

Status Region::TakeSlot() {
  FlockGuard hold(fd_);
  FoldDead();
  ProcessId self = SelfProcess();
  for (Slot& slot : file_->slots) {
    if (slot.pid != 0) continue;
    slot.start = self.start;
    slot.pid = self.pid;
    slot_ = slot.values;
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
      Slot& slot = file_->slots[i];
      ProcessId owner{static_cast<uint32_t>(slot.pid.load()), slot.start.load()};
      if (owner.pid == 0 || IsAlive(owner)) continue;
      for (size_t c = 0; c < kTotal; ++c) {
        file_->retired[1 - copy][c] = file_->retired[copy][c].load() + slot.values[c].load();
      }
      copy = 1 - copy;
      pending = i + 1;
      file_->fold = pending << 1 | copy;
    }
    Slot& slot = file_->slots[pending - 1];
    for (Counter& value : slot.values) value = 0;
    slot.start = 0;
    slot.pid = 0;
    file_->fold = copy;
  }
}

Result<Region::Sum> Region::Total() {
  FlockGuard hold(fd_);
  FoldDead();
  Sum sum;
  size_t copy = file_->fold & 1;
  for (size_t c = 0; c < kTotal; ++c) sum.values[c] = file_->retired[copy][c];
  for (const Slot& slot : file_->slots) {
    if (slot.pid == 0) continue;
    ++sum.processes;
    for (size_t c = 0; c < kTotal; ++c) sum.values[c] += slot.values[c];
  }
  return sum;
}

Region::Gauges Region::ReadGauges() const {
  Gauges gauges;
  gauges.stored_objects = file_->stored_objects;
  gauges.locks_held = file_->locks_held;
  gauges.time_ms = static_cast<int64_t>(file_->gauges_time_ms.load());
  return gauges;
}

void Region::WriteGauges(const Gauges& gauges) {
  file_->stored_objects = gauges.stored_objects;
  file_->locks_held = gauges.locks_held;
  file_->gauges_time_ms = static_cast<uint64_t>(gauges.time_ms);
}

}  // namespace stateward
