// Counters that all processes of a host share, however they were started: a mapped file in
// RUNTIME_DIR with one slot for each process. A process adds to its own slot alone; the sum is over
// all of them. The slot of a process that is gone is added to the retired counts, exactly once even
// when the process that does it is killed on the way, and is used again.
//
// Thread-safe.
#ifndef STATEWARD_METRICS_REGION_H_
#define STATEWARD_METRICS_REGION_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/files.h"
#include "metrics/counters.h"
#include "stateward/result.h"

namespace stateward {

class Region {
 public:
  // As many as WORKERS may be, twice: a restart overlaps with what it replaces.
  static constexpr size_t kSlots = 128;
  // Nobody keeps the lock for longer than a few thousand additions take.
  static constexpr int kLockMs = 2000;

  // Opens or makes the file and takes a slot for this process. kUnavailable: no such folder, not
  // writable, no room for the file, all slots are taken by live processes, another process keeps it
  // locked; or others than this user and root may write the folder or the file: what is mapped here
  // must not shrink, and no stranger may keep its lock.
  static Result<std::unique_ptr<Region>> Open(const std::string& folder);
  ~Region();
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  void Add(size_t counter, uint64_t n) { slot_[counter].fetch_add(n, std::memory_order_relaxed); }

  void Set(size_t gauge, uint64_t n) { gauges_[gauge].store(n, std::memory_order_relaxed); }

  struct Sum {
    counters::Values values{};
    counters::Gauges gauges{};  // of the live processes
    uint64_t processes = 0;     // live ones
  };
  Result<Sum> Total();

 private:
  struct File;
  Region(Fd fd, File* file) : fd_(std::move(fd)), file_(file) {}
  Status TakeSlot();
  void FoldDead();

  Fd fd_;
  File* file_;
  std::atomic<uint64_t>* slot_ = nullptr;
  std::atomic<uint64_t>* gauges_ = nullptr;
};

}  // namespace stateward

#endif  // STATEWARD_METRICS_REGION_H_
