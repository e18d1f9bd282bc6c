// The locks of states that a tool takes for itself, as a client takes one; what a run of it that
// was killed left is taken over, what one that is at work holds is not (moving/tool_run.h).
//
// Used by one thread. What it is given must outlive it.
#ifndef STATEWARD_MOVING_TOOL_LOCK_H_
#define STATEWARD_MOVING_TOOL_LOCK_H_

#include <string>
#include <vector>

#include "state/state_service.h"
#include "stateward/authenticator.h"
#include "stateward/locker.h"

namespace stateward {

class ToolLock {
 public:
  // The ID of a run's locks.
  static std::string NewId(const std::string& operation);
  // `operation`: of the lock, and how the tool is called: `statewardctl OPERATION`. The grants'
  // principal is the tool's own. `id`: of NewId.
  ToolLock(Locker& locker, StateService& states, std::string operation, std::string id);

  // kConflict: somebody holds one of them; then this one takes none.
  Status Take(std::vector<Grant> grants);
  // `status`, or what went wrong at the end of it.
  Status GiveBack(Status status);
  // Frees what a killed run left of this state. kConflict: that run is at work.
  Status FreeLeft(const Grant& grant);

 private:
  Status FreeHalfTaken(const Grant& grant);

  Locker& locker_;
  StateService& states_;
  const std::string operation_;
  const std::string id_;
  SecretBytes body_;
  std::vector<Grant> grants_;
  size_t taken_ = 0;
};

}  // namespace stateward

#endif  // STATEWARD_MOVING_TOOL_LOCK_H_
