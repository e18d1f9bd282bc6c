// A round over all locks that are held, some states at a time.
#ifndef STATEWARD_JOBS_LOCK_PAGES_H_
#define STATEWARD_JOBS_LOCK_PAGES_H_

#include <cstddef>
#include <functional>

#include "stateward/locker.h"
#include "stateward/result.h"
#include "stateward/state.h"
#include "stateward/status.h"

namespace stateward {

class LockPages {
 public:
  // Looking at each costs up to a round trip, and other jobs wait meanwhile.
  static constexpr size_t kMostStates = 1000;

  // Whether a round is under way: some of the locks were looked at.
  bool begun() const { return !(after_ == StateId()); }
  void Reset() { after_ = end_ = StateId(); }
  // Tells the locks of the next states. The same again until GoOn().
  using TellFn = std::function<void(const StateId& id, const Result<LockRecord>& holder)>;
  Status Next(Locker& locker, const TellFn& tell) {
    size_t states = 0;
    StateId last;
    end_ = StateId();
    return locker.EachHeldAfter(after_, [&](const StateId& id, const Result<LockRecord>& holder) {
      if (!(id == last)) {
        if (states == kMostStates) {
          end_ = last;
          return false;
        }
        ++states;
        last = id;
      }
      tell(id, holder);
      return true;
    });
  }
  // Behind what was told; when that was all, the next round begins.
  void GoOn() { after_ = end_; }

 private:
  StateId after_;
  StateId end_;  // of the page that was told last; empty: it was the last of the round
};

}  // namespace stateward

#endif  // STATEWARD_JOBS_LOCK_PAGES_H_
