#include "stateward/clock.h"

#include <chrono>
#include <ctime>

namespace stateward {
namespace {

class MachineClock : public Clock {
 public:
  int64_t NowMs() const override {
    using std::chrono::milliseconds;
    auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<milliseconds>(now).count();
  }
  int64_t SteadyUs() const override {
    // Goes on while the host is suspended: what was asked for before that is old by then.
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return int64_t{now.tv_sec} * 1000000 + now.tv_nsec / 1000;
  }
};

}  // namespace

const Clock& SystemClock() {
  static const MachineClock clock;
  return clock;
}

}  // namespace stateward
