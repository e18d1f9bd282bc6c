// The rule that an absence which nobody proved is an outage.
#ifndef STATEWARD_STATE_NEVER_ABSENT_H_
#define STATEWARD_STATE_NEVER_ABSENT_H_

#include "stateward/status.h"

namespace stateward {

// kNotFound means "there is no state" to a client. Only a place that proved it may say so; from
// anywhere else (claims that are lost, a lock service without its tables) it is kUnavailable.
inline Status NeverAbsent(Status status) {
  if (status.code() != Code::kNotFound) return status;
  return Status::Unavailable(status.detail());
}

}  // namespace stateward

#endif  // STATEWARD_STATE_NEVER_ABSENT_H_
