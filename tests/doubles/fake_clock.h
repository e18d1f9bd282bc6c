// A clock that stands still until a test turns it.
#ifndef STATEWARD_TESTS_DOUBLES_FAKE_CLOCK_H_
#define STATEWARD_TESTS_DOUBLES_FAKE_CLOCK_H_

#include <atomic>

#include "stateward/clock.h"

namespace stateward {

class FakeClock : public Clock {
 public:
  int64_t NowMs() const override { return now_ms_; }
  int64_t SteadyUs() const override { return now_ms_ * 1000; }
  void Advance(int64_t ms) { now_ms_ += ms; }

 private:
  std::atomic<int64_t> now_ms_{1764000000000};  // 2025-11-24
};

}  // namespace stateward

#endif  // STATEWARD_TESTS_DOUBLES_FAKE_CLOCK_H_
