// Rows of the table of operations: maintenance, freeze, lock history. Included by operations.cc
// alone.
#ifndef STATEWARD_ADMIN_OPERATIONS_GATES_H_
#define STATEWARD_ADMIN_OPERATIONS_GATES_H_

#include "admin/find_state.h"
#include "admin/operation.h"
#include "admin/run.h"
#include "stateward/gates.h"

namespace stateward {

inline constexpr Column kGateColumns[] = {
    {"pattern", ColumnKind::kText, "STATES", "of which no lock is given"},
    {"since", ColumnKind::kTime, "SINCE", "when it began"},
    {"until", ColumnKind::kTime, "UNTIL", "when it ends by itself; null: a freeze"},
    {"principal", ColumnKind::kText, "BY", "who set it last"},
    {"reason", ColumnKind::kText, "REASON", "what everybody is told"},
};

inline constexpr Param kGateReasonParam = {"reason",
                                           ParamKind::kText,
                                           ParamUse::kRequiredOption,
                                           "TEXT",
                                           "one line that everybody is told whose LOCK is refused",
                                           {},
                                           1,
                                           kMaxGateReason};
inline constexpr Param kGateGlobParam = {"glob", ParamKind::kGlob, ParamUse::kArgument, "GLOB",
                                         "these states, also new ones: net/*, or net"};

inline constexpr Param kMaintenanceSetParams[] = {
    kGateGlobParam,
    {"until", ParamKind::kTime, ParamUse::kRequiredOption, "TIME", "when it ends by itself"},
    kGateReasonParam,
};

inline constexpr Param kMaintenanceEndParams[] = {
    {"glob", ParamKind::kGlob, ParamUse::kArgument, "GLOB",
     "as `maintenance list` shows it; of a freeze PROJECT/NAME"},
};

inline constexpr Param kFreezeParams[] = {kStateParam, kGateReasonParam, kNamespaceParam};

inline constexpr Operation kMaintenanceSetOperation = {
    "maintenance set",
    Method::kPost,
    "/api/v1/maintenance",
    Scope::kStore,
    {Right::kAdminister},
    Effect::kChanges,
    Answer::kRow,
    kMaintenanceSetParams,
    kGateColumns,
    "gives no more locks of these states for a time; LOCK is answered with the reason",
    "A run that holds a lock may finish. Reads and plans with -lock=false go on, writes without a "
    "lock are refused and kept. It is in force on every host when the command returns. Set again, "
    "it changes time and reason; where a freeze has this very name it is refused.",
    "statewardctl maintenance set 'net/*' --until 2027-01-31T14:00:00Z --reason 'new router'\n",
    "",
    RunMaintenanceSet};

inline constexpr Operation kMaintenanceListOperation = {
    "maintenance list",
    Method::kGet,
    "/api/v1/maintenance",
    Scope::kStore,
    {Right::kSee},
    Effect::kReads,
    Answer::kRows,
    {},
    kGateColumns,
    "lists the maintenance and the freezes that are in force",
    "",
    "statewardctl maintenance list\n",
    "",
    RunMaintenanceList};

inline constexpr Operation kMaintenanceEndOperation = {"maintenance end",
                                                       Method::kPost,
                                                       "/api/v1/maintenance/end",
                                                       Scope::kStore,
                                                       {Right::kAdminister},
                                                       Effect::kChanges,
                                                       Answer::kRow,
                                                       kMaintenanceEndParams,
                                                       kGateColumns,
                                                       "ends a maintenance or a freeze now",
                                                       "",
                                                       "statewardctl maintenance end 'net/*'\n"
                                                       "statewardctl maintenance end net/prod\n",
                                                       "",
                                                       RunMaintenanceEnd};

inline constexpr Operation kFreezeOperation = {
    "freeze",
    Method::kPost,
    "/api/v1/states/{project}/{name}/freeze",
    Scope::kState,
    {Right::kAdminister},
    Effect::kChanges,
    Answer::kRow,
    kFreezeParams,
    kGateColumns,
    "gives no more locks of one state until `maintenance end` says so",
    "As `maintenance set` without an end.",
    "statewardctl freeze net/prod --reason 'under investigation, ask ann'\n",
    "",
    RunFreeze};

inline constexpr Column kLockHistoryColumns[] = {
    {"lock", ColumnKind::kText, "LOCK", "the lock's ID"},
    {"principal", ColumnKind::kText, "BY", "who held it"},
    {"operation", ColumnKind::kText, "OPERATION",
     "what it was taken for; null: not known, as it wrote nothing that is kept"},
    {"since", ColumnKind::kTime, "SINCE", "when it was taken; null: not known"},
    {"until", ColumnKind::kTime, "UNTIL", "when it ended; null: it is held, or not known"},
    {"end", ColumnKind::kText, "END", "held, released, forced; unknown: the trail does not say"},
    {"ended_by", ColumnKind::kText, "ENDED BY", "who released it by force"},
    {"reason", ColumnKind::kText, "REASON",
     "why it was forced, when that was given; of one that is held: its token has expired"},
    {"versions", ColumnKind::kNumber, "VERSIONS", "written under it, of those that are kept"},
};

inline constexpr Param kLockHistoryParams[] = {kStateParam, kNamespaceParam};

inline constexpr Operation kLockHistoryOperation = {
    "lock-history",
    Method::kGet,
    "/api/v1/states/{project}/{name}/locks",
    Scope::kState,
    {Right::kSee},
    Effect::kReads,
    Answer::kRows,
    kLockHistoryParams,
    kLockHistoryColumns,
    "lists who held the lock of a state, when, and how it ended, the newest first",
    "Told from AUDIT_FILE of this host and what was rotated, from the records that are kept, and "
    "from the lock: nothing is stored for it. What other hosts did to the lock is in their trails. "
    "At most the newest 1000. A server reads the last 64 MiB of the trail for it, one request at a "
    "time, and says when there is more; statewardctl on the host reads all.",
    "statewardctl lock-history net/prod\n",
    "",
    RunLockHistory};

}  // namespace stateward

#endif  // STATEWARD_ADMIN_OPERATIONS_GATES_H_
