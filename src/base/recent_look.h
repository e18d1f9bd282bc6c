// An answer that costs something (a call to a service, a listing), shared by all who ask for it.
#ifndef STATEWARD_BASE_RECENT_LOOK_H_
#define STATEWARD_BASE_RECENT_LOOK_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "stateward/clock.h"

namespace stateward {

// Looks again when the last look is older than `max_age_us`, and never twice at the same time.
// Who asks while a look is under way gets the answer before it: a service that stands still
// holds one thread and not all of them. Only when there is no answer yet do they wait. An answer is
// at most max_age_us and the length of one look old.
//
// Thread-safe. T is copied out. `look` must not throw, and must not ask this object.
template <typename T>
class RecentLook {
 public:
  // `clock` must outlive it.
  RecentLook(const Clock& clock, int64_t max_age_us, std::function<T()> look)
      : clock_(clock), max_age_us_(max_age_us), look_(std::move(look)) {}

  T Get() {
    std::unique_lock<std::mutex> hold(mutex_);
    while (looking_ && !last_) done_.wait(hold);
    const bool fresh = last_ && clock_.SteadyUs() - looked_us_ < max_age_us_;
    if (fresh || looking_) return *last_;
    looking_ = true;
    // The age counts from the beginning: what changes during a look may not be in its answer.
    const int64_t began_us = clock_.SteadyUs();
    hold.unlock();
    T found = look_();
    hold.lock();
    last_ = std::move(found);
    looked_us_ = began_us;
    looking_ = false;
    done_.notify_all();
    return *last_;
  }

  // The next asker looks again.
  void Forget() {
    std::lock_guard<std::mutex> hold(mutex_);
    looked_us_ = clock_.SteadyUs() - max_age_us_;
  }

 private:
  const Clock& clock_;
  const int64_t max_age_us_;
  const std::function<T()> look_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::optional<T> last_;
  int64_t looked_us_ = 0;
  bool looking_ = false;
};

}  // namespace stateward

#endif  // STATEWARD_BASE_RECENT_LOOK_H_
