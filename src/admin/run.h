// The functions behind the rows of operations.cc, a line each, by the file that holds them.
#ifndef STATEWARD_ADMIN_RUN_H_
#define STATEWARD_ADMIN_RUN_H_

#include "admin/operation.h"

namespace stateward {

// op_states.cc
Result<Reply> RunShow(const Call& call);
Result<Reply> RunGet(const Call& call);

// op_prune.cc
Result<Reply> RunPrune(const Call& call);

// op_history.cc
Result<Reply> RunVersions(const Call& call);

// op_locks.cc
Result<Reply> RunLocks(const Call& call);
Result<Reply> RunUnlock(const Call& call);

// op_check.cc
Result<Reply> RunCheck(const Call& call);

}  // namespace stateward

#endif  // STATEWARD_ADMIN_RUN_H_
