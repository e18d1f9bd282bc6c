#include "stateward/clock.h"

#include <chrono>

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
    using std::chrono::microseconds;
    auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<microseconds>(now).count();
  }
};

}  // namespace

const Clock& SystemClock() {
  static const MachineClock clock;
  return clock;
}

}  // namespace stateward
