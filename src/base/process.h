// Which process is it, beyond a number that is used again?
#ifndef STATEWARD_BASE_PROCESS_H_
#define STATEWARD_BASE_PROCESS_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace stateward {

struct ProcessId {
  uint32_t pid = 0;
  uint64_t start = 0;  // clock ticks since boot, field 22 of /proc/PID/stat
};
inline bool operator==(const ProcessId& a, const ProcessId& b) {
  return a.pid == b.pid && a.start == b.start;
}

// The name of this host; "" when it has none.
std::string HostName();

// This process. Costs one getpid() after the first call in a process.
ProcessId SelfProcess();
// Who has that number now. start = 0: there is no such process, or it cannot be seen from here.
ProcessId ProcessOf(uint32_t pid);
// False when that process is gone, or cannot be seen from here.
bool IsAlive(const ProcessId& process);
// Whether `pid` is `ancestor`, or a child of it, or of a child, and so on.
bool IsWithin(uint32_t pid, uint32_t ancestor);

// The same, asked again and again of few processes: one that was seen alive costs one poll() of a
// descriptor that stands for that very process, in place of a look into /proc.
// Thread-safe.
class LifeWatch {
 public:
  LifeWatch() = default;
  ~LifeWatch();
  LifeWatch(const LifeWatch&) = delete;
  LifeWatch& operator=(const LifeWatch&) = delete;

  // False also when it has ended and its parent has not heard of it yet.
  bool IsAlive(const ProcessId& process);

 private:
  struct Watched {
    ProcessId process;
    int fd;
  };
  // More than the workers of a host; when it is full, who was seen first goes.
  static constexpr size_t kMost = 64;

  std::mutex mutex_;
  std::vector<Watched> watched_;
};

}  // namespace stateward

#endif  // STATEWARD_BASE_PROCESS_H_
