// The only source of time, so that tests can turn it.
#ifndef STATEWARD_CLOCK_H_
#define STATEWARD_CLOCK_H_

#include <cstdint>

namespace stateward {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall clock, milliseconds since 1970 UTC. For records and logs; may jump.
  virtual int64_t NowMs() const = 0;
  // Never goes back; for ages and time limits within one process.
  virtual int64_t SteadyUs() const = 0;
};

// The machine's clocks. Lives as long as the process.
const Clock& SystemClock();

}  // namespace stateward

#endif  // STATEWARD_CLOCK_H_
