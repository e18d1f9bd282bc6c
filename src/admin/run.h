// The functions behind the rows of operations.cc, a line each, by the file that holds them.
#ifndef STATEWARD_ADMIN_RUN_H_
#define STATEWARD_ADMIN_RUN_H_

#include "admin/operation.h"

namespace stateward {

// op_states.cc
Result<Reply> RunShow(const Call& call);
Result<Reply> RunGet(const Call& call);

// op_list.cc
Result<Reply> RunList(const Call& call);

// op_store.cc
Result<Reply> RunDu(const Call& call);
Result<Reply> RunStatus(const Call& call);

// op_prune.cc
Result<Reply> RunPrune(const Call& call);

// op_history.cc
Result<Reply> RunVersions(const Call& call);

// op_locks.cc
Result<Reply> RunLocks(const Call& call);
Result<Reply> RunUnlock(const Call& call);

// op_lock_history.cc
Result<Reply> RunLockHistory(const Call& call);

// op_maintenance.cc
Result<Reply> RunMaintenanceSet(const Call& call);
Result<Reply> RunMaintenanceList(const Call& call);
Result<Reply> RunMaintenanceEnd(const Call& call);
Result<Reply> RunFreeze(const Call& call);

// op_check.cc
Result<Reply> RunCheck(const Call& call);
Result<Reply> RunRepair(const Call& call);
// op_pin.cc
Result<Reply> RunPin(const Call& call);
Result<Reply> RunUnpin(const Call& call);

// op_move.cc
Result<Reply> RunMove(const Call& call);

// op_purge.cc
Result<Reply> RunPurge(const Call& call);

// op_uploads.cc
Result<Reply> RunUploadsList(const Call& call);
Result<Reply> RunUploadsShow(const Call& call);
Result<Reply> RunUploadsDiff(const Call& call);
Result<Reply> RunUploadsRestore(const Call& call);
Result<Reply> RunUploadsDrop(const Call& call);

// op_diff.cc
Result<Reply> RunDiff(const Call& call);

// op_change.cc
Result<Reply> RunRollback(const Call& call);
Result<Reply> RunDelete(const Call& call);
Result<Reply> RunUndelete(const Call& call);

// op_audit.cc
Result<Reply> RunAuditTail(const Call& call);
Result<Reply> RunAuditVerify(const Call& call);
Result<Reply> RunAuditExport(const Call& call);

}  // namespace stateward

#endif  // STATEWARD_ADMIN_RUN_H_
