// An operation with its lines in the audit trail: what changes something is announced before, and
// each run is noted, with its end.
#ifndef STATEWARD_ADMIN_AUDITED_RUN_H_
#define STATEWARD_ADMIN_AUDITED_RUN_H_

#include "admin/operation.h"

namespace stateward {

// As RunOperation; kUnavailable too when the trail must have its line and cannot.
Result<Reply> RunAudited(const Operation& operation, AdminService& service, const Caller& caller,
                         const Args& args);

}  // namespace stateward

#endif  // STATEWARD_ADMIN_AUDITED_RUN_H_
