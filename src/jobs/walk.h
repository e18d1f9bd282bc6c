// A round over all states of a store.
#ifndef STATEWARD_JOBS_WALK_H_
#define STATEWARD_JOBS_WALK_H_

#include <cstddef>
#include <vector>

#include "jobs/job.h"
#include "stateward/records.h"
#include "stateward/state.h"
#include "stateward/status.h"

namespace stateward {

// All states as they were when the round began, and how far it has come.
class Walk {
 public:
  bool running() const { return running_; }
  void Reset() { running_ = false; }
  // `job`: whose walk it is. A list of 100,000 states takes seconds, so it breaks off when the
  // process ends; what a step makes of it then does not count (JobRunner).
  Status Begin(Records& records, const Job& job) {
    ids_.clear();
    next_ = 0;
    STATEWARD_RETURN_IF_ERROR(records.List([&](const StateId& id) {
      ids_.push_back(id);
      return !job.Ending();
    }));
    running_ = true;
    return Status();
  }
  const StateId* Next() { return next_ < ids_.size() ? &ids_[next_] : nullptr; }
  void Advance() { ++next_; }

 private:
  std::vector<StateId> ids_;
  size_t next_ = 0;
  bool running_ = false;
};

}  // namespace stateward

#endif  // STATEWARD_JOBS_WALK_H_
