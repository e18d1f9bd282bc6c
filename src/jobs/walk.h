// A round over all states of a store.
#ifndef STATEWARD_JOBS_WALK_H_
#define STATEWARD_JOBS_WALK_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "jobs/job.h"
#include "stateward/records.h"
#include "stateward/state.h"
#include "stateward/status.h"

namespace stateward {

// The states in order of id; what is made meanwhile is met or not. Keeps one page of them: the list
// of 100,000 states takes seconds, and was more memory than all else of a worker.
class Walk {
 public:
  static constexpr size_t kPage = 1000;

  bool running() const { return running_; }
  void Reset() { *this = Walk(); }
  void Begin() {
    Reset();
    running_ = true;
  }
  // Before each step's first Next(): lists the next page when this one is at its end. `job`: whose
  // walk it is. A list breaks off when the process ends; what a step makes of it then does not
  // count (JobRunner). After a failure the walk is where it was.
  Status GoOn(Records& records, const Job& job) {
    if (last_ || Next() != nullptr) return Status();
    std::vector<StateId> ids;
    bool last = true;
    STATEWARD_RETURN_IF_ERROR(records.ListAfter(at_, [&](const StateId& id) {
      ids.push_back(id);
      last = ids.size() < kPage && !job.Ending();
      return last;
    }));
    ids_ = std::move(ids);
    next_ = 0;
    last_ = last;
    return Status();
  }
  // nullptr: this page is at its end.
  const StateId* Next() { return next_ < ids_.size() ? &ids_[next_] : nullptr; }
  void Advance() { at_ = ids_[next_++]; }
  // The round is over.
  bool Done() const { return last_ && next_ == ids_.size(); }

 private:
  std::vector<StateId> ids_;  // this page
  size_t next_ = 0;
  StateId at_;         // the last one that Advance left; empty: none
  bool last_ = false;  // there is no page behind this one
  bool running_ = false;
};

}  // namespace stateward

#endif  // STATEWARD_JOBS_WALK_H_
