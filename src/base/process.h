// Which process is it, beyond a number that is used again?
#ifndef STATEWARD_BASE_PROCESS_H_
#define STATEWARD_BASE_PROCESS_H_

#include <cstdint>

namespace stateward {

struct ProcessId {
  uint32_t pid = 0;
  uint64_t start = 0;  // clock ticks since boot, field 22 of /proc/PID/stat
};
inline bool operator==(const ProcessId& a, const ProcessId& b) {
  return a.pid == b.pid && a.start == b.start;
}

// This process. Costs one getpid() after the first call in a process.
ProcessId SelfProcess();
// False when that process is gone, or cannot be seen from here.
bool IsAlive(const ProcessId& process);

}  // namespace stateward

#endif  // STATEWARD_BASE_PROCESS_H_
