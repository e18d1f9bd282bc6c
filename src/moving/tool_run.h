// Which run of a tool holds a lock: written into the lock's ID, so that another run of the tool
// takes over what a killed one left, and leaves alone what one that is at work holds.
#ifndef STATEWARD_MOVING_TOOL_RUN_H_
#define STATEWARD_MOVING_TOOL_RUN_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "base/process.h"

namespace stateward {

// Lower-case hex digits of a mark: 6 of the machine (its ID, its host name, the PID namespace),
// 4 of the boot, 6 of the process's number (Linux has no number above 4,194,304) and 8 of its start
// in clock ticks since boot (they come round after 497 days).
inline constexpr size_t kRunMarkDigits = 24;

enum class RunState : uint8_t {
  kThis,   // of this process
  kGone,   // of a process of this machine that has ended
  kOther,  // of one that is at work; of another machine, of which nothing can be seen; no mark
};

std::string MarkOf(const ProcessId& process);
// Thread-safe.
RunState LookAtRun(std::string_view mark);
// "process 4711 on this host", or "a process on another host".
std::string WhichRun(std::string_view mark);

}  // namespace stateward

#endif  // STATEWARD_MOVING_TOOL_RUN_H_
