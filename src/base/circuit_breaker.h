// Stops asking a service that does not answer: its callers would only wait, each with a thread.
#ifndef STATEWARD_BASE_CIRCUIT_BREAKER_H_
#define STATEWARD_BASE_CIRCUIT_BREAKER_H_

#include <cstdint>
#include <mutex>

namespace stateward {

// Thread-safe. Times are of Clock::SteadyUs.
class CircuitBreaker {
 public:
  // One failure may be chance, and so may two; five in a row are an outage.
  static constexpr int kFailures = 5;
  // One caller tries again after so long, so that a service that is back is noticed in 10 s.
  static constexpr int64_t kPauseUs = int64_t{5} * 1000 * 1000;

  // False: do not ask now. True while closed, and for one caller after each pause.
  bool Allow(int64_t now_us) {
    std::lock_guard<std::mutex> hold(mutex_);
    if (failures_ < kFailures) return true;
    if (now_us < closed_until_us_) return false;
    closed_until_us_ = now_us + kPauseUs;
    return true;
  }
  void Succeeded() {
    std::lock_guard<std::mutex> hold(mutex_);
    failures_ = 0;
  }
  void Failed(int64_t now_us) {
    std::lock_guard<std::mutex> hold(mutex_);
    if (++failures_ >= kFailures) closed_until_us_ = now_us + kPauseUs;
  }

 private:
  std::mutex mutex_;
  int failures_ = 0;
  int64_t closed_until_us_ = 0;
};

}  // namespace stateward

#endif  // STATEWARD_BASE_CIRCUIT_BREAKER_H_
