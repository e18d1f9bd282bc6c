// The lines in the audit trail of what a tool does with one state.
//
// Used by one thread. What it is given must outlive it.
#ifndef STATEWARD_MOVING_CHANGE_TRAIL_H_
#define STATEWARD_MOVING_CHANGE_TRAIL_H_

#include <string>

#include "stateward/audit.h"
#include "stateward/clock.h"
#include "stateward/state.h"
#include "stateward/status.h"

namespace stateward {

class ChangeTrail {
 public:
  // `who` runs `action`, because of `reason`. `trail`: nullptr: there is none.
  ChangeTrail(AuditTrail* trail, const Clock& clock, const std::string& who,
              const std::string& action, const StateKey& key, const std::string& reason);

  // *head: what the records are to name. kUnavailable: the change must not be made.
  Status Begin(AuditHead* head);
  void End(const Status& end);

 private:
  AuditTrail* const trail_;
  AuditEvent event_;
};

}  // namespace stateward

#endif  // STATEWARD_MOVING_CHANGE_TRAIL_H_
