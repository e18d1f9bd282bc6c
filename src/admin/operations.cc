#include "admin/audited_run.h"
#include "admin/columns.h"
#include "admin/find_state.h"
#include "admin/operation.h"
#include "admin/operations_audit.h"
#include "admin/operations_change.h"
#include "admin/operations_gates.h"
#include "admin/run.h"
#include "state/never_absent.h"

namespace stateward {
namespace {

using A = Answer;
using E = Effect;
using K = ParamKind;
using M = Method;
using U = ParamUse;
using S = Scope;

constexpr Param kOfState[] = {kStateParam, kNamespaceParam};

constexpr Param kGetParams[] = {
    kStateParam,
    {"version", K::kNumber, U::kOption, "N", "this version; without it the newest", {}, 1},
    kNamespaceParam,
};

constexpr Param kVersionsParams[] = {
    kStateParam,
    {"changes", K::kFlag, U::kOption, "",
     "count the resources of each version, and those it added, changed and removed"},
    kNamespaceParam,
};

constexpr Param kLocksParams[] = {
    {"older", K::kAge, U::kOption, "AGE", "only locks older than this: 2h, 3d"},
};

constexpr Param kUnlockParams[] = {
    kStateParam,
    {"id", K::kText, U::kOption, "ID", "the lock that is meant", {}, 1, 128},
    {"yes", K::kFlag, U::kOption, "", "release the lock, whichever it is"},
    {"reason",
     K::kText,
     U::kOption,
     "TEXT",
     "why; it stands in the audit trail",
     {},
     1,
     kMaxParamText},
    kNamespaceParam,
};

constexpr Param kCheckParams[] = {
    {"glob", K::kGlob, U::kOptionalArgument, "GLOB",
     "these states, and those whose name cannot be read; without it the whole store"},
    {"read-data", K::kFlag, U::kOption, "",
     "read each document to its last byte, not only its front"},
};

constexpr Param kRepairParams[] = {
    {"dry-run", K::kFlag, U::kOption, "", "only list what would be removed"},
};

constexpr Param kListParams[] = {
    {"glob", K::kGlob, U::kOptionalArgument, "GLOB", "only states that fit: net/*, or net"},
    {"locked", K::kFlag, U::kOption, "", "only those that are locked"},
    {"deleted", K::kFlag, U::kOption, "", "deleted states in place of the others"},
    {"older", K::kAge, U::kOption, "AGE",
     "only states that were last written before this time: 90d"},
    {"sort",
     K::kChoice,
     U::kOption,
     "ORDER",
     "the order: names from a to z, everything else from the largest down",
     {},
     0,
     kNoLimit,
     "name|size|time|serial|versions"},
    {"limit",
     K::kNumber,
     U::kOption,
     "N",
     "at most N states, in a fixed order of their own; the output names the next page",
     {},
     1,
     1000},
    {"cursor",
     K::kText,
     U::kOption,
     "CURSOR",
     "the next page, as the page before named it",
     {},
     64,
     64},
};

constexpr Param kPruneParams[] = {
    {"dry-run", K::kFlag, U::kOption, "", "only count"},
};

// In the order of the help.
constexpr Operation kOperations[] = {
    {"list",
     M::kGet,
     "/api/v1/states",
     S::kStates,
     {Right::kSee},
     E::kReads,
     A::kRows,
     kListParams,
     kListColumns,
     "lists states: size, serial, who wrote last and when, versions, lock",
     "Deleted states are left out, as are blobs of terraform-backend that nobody has written to "
     "since: their names are in no record. Up to 1000 states come in the order of their names; "
     "more "
     "come as they are read, and --sort orders them in memory.",
     "statewardctl list\n"
     "statewardctl list 'net/*' --older 90d --sort size\n"
     "statewardctl list --locked --json\n",
     "",
     RunList},
    {"show",
     M::kGet,
     "/api/v1/states/{project}/{name}",
     S::kState,
     {Right::kSee},
     E::kReads,
     A::kRow,
     kOfState,
     kShowColumns,
     "shows one state: its newest version, its lock, and how many versions are kept",
     "A deleted state is shown, too, as long as its history is kept.",
     "statewardctl show net/prod\n"
     "statewardctl show net/prod --json\n",
     "",
     RunShow},
    {"versions",
     M::kGet,
     "/api/v1/states/{project}/{name}/versions",
     S::kState,
     {Right::kSee},
     E::kReads,
     A::kRows,
     kVersionsParams,
     kVersionsColumns,
     "lists what happened to a state, the newest first",
     "Every version that is kept, deletions, the records that take a number away from a write that "
     "may still arrive (no-op), the uploads that were refused and kept, and, as far as AUDIT_FILE "
     "of this host tells them, the forced releases of its lock since the oldest version that is "
     "kept. With --changes each document is compared with the one before it that is kept; after a "
     "deletion everything is added. What was counted once is kept sealed in the store.",
     "statewardctl versions net/prod\n"
     "statewardctl versions net/prod --changes\n",
     "",
     RunVersions},
    {"get",
     M::kGet,
     "/api/v1/states/{project}/{name}/document",
     S::kState,
     {Right::kRead},
     E::kReads,
     A::kDocument,
     kGetParams,
     {},
     "writes the exact bytes of a state to the output, or to --output FILE",
     "A state holds secrets: the file is made with mode 0600, and an existing one is written over "
     "only with --force.",
     "statewardctl get net/prod -o prod.tfstate\n"
     "statewardctl get net/prod --version 41 | jq .outputs\n",
     "",
     RunGet},
    {"locks",
     M::kGet,
     "/api/v1/locks",
     S::kStates,
     {Right::kSee},
     E::kReads,
     A::kRows,
     kLocksParams,
     kLocksColumns,
     "lists the locks that are held, the oldest first",
     "Locks that terraform-backend left are not in the list: they do not say of what "
     "state "
     "they are. `show` and `unlock` find them.",
     "statewardctl locks\n"
     "statewardctl locks --older 2h\n",
     "",
     RunLocks},
    {"unlock",
     M::kPost,
     "/api/v1/states/{project}/{name}/unlock",
     S::kState,
     {Right::kSee},
     E::kChanges,
     A::kRow,
     kUnlockParams,
     kUnlockColumns,
     "releases the lock of a state whose run is gone",
     "Without --id and --yes it says who holds the lock and releases nothing. Make sure that the "
     "run is gone: what it still writes is refused and kept. It is a forced release, of one's own "
     "lock, too. With --id it releases that lock or nothing, so it may be repeated; a repeat with "
     "--yes releases a lock that was taken since. The reason stands in the audit trail. Over the "
     "API everybody frees what `locks` calls forcible: one's own lock; with the role write that of "
     "a plan, too; with operator and admin each one.",
     "statewardctl unlock net/prod\n"
     "statewardctl unlock net/prod --id 7a1c3a0e-1f5d-4f0e-8a53-0d5b1d5f2c11 --reason \"the runner "
     "was lost\"\n",
     "",
     RunUnlock},
    kLockHistoryOperation,
    kMaintenanceSetOperation,
    kMaintenanceListOperation,
    kMaintenanceEndOperation,
    kFreezeOperation,
    {"check",
     M::kGet,
     "/api/v1/check",
     S::kStore,
     {Right::kAdminister},
     E::kReads,
     A::kRows,
     kCheckParams,
     kCheckColumns,
     "checks all versions, locks, kept uploads and blobs of terraform-backend",
     "Lists what does not open, and what to do about it. An empty list means that all is well. It "
     "changes nothing; `repair` does what needs nobody's judgement. The exit code is 1 when "
     "something is wrong.",
     "statewardctl check\n"
     "statewardctl check --read-data\n"
     "statewardctl check 'net/*'\n",
     "",
     RunCheck},
    {"repair",
     M::kPost,
     "/api/v1/repair",
     S::kStore,
     {Right::kAdminister},
     E::kChanges,
     A::kRows,
     kRepairParams,
     kRepairColumns,
     "mends what check found to be damaged or left behind, where nobody has to decide",
     "Entries of the cache that do not open, and temporary files of processes that died, when they "
     "are older than an hour, are removed. A damaged copy in the file of a local lock is written "
     "again from the other one. No version or upload is touched: what to do about those, check "
     "says for each.",
     "statewardctl repair --dry-run\n",
     "",
     RunRepair},
    {"du",
     M::kGet,
     "/api/v1/usage",
     S::kStore,
     {Right::kSee},
     E::kReads,
     A::kRows,
     {},
     kDuColumns,
     "says what takes the space: bytes of each project, versions, kept uploads",
     "",
     "statewardctl du\n",
     "",
     RunDu},
    {"status",
     M::kGet,
     "/api/v1/status",
     S::kStore,
     {Right::kSee},
     E::kReads,
     A::kRow,
     {},
     kStatusColumns,
     "says whether the store and its services work, and which workers use it",
     "The exit code is 1 when something does not work.",
     "statewardctl status\n",
     "",
     RunStatus},
    {"prune",
     M::kPost,
     "/api/v1/prune",
     S::kStore,
     {Right::kAdminister},
     E::kChanges,
     A::kRow,
     kPruneParams,
     kPruneColumns,
     "removes now the old versions and refused uploads that the settings do not keep",
     "HISTORY_KEEP and HISTORY_DAYS, KEPT_UPLOADS_DAYS and KEPT_UPLOADS_MAX_BYTES. Servers do it "
     "once "
     "an hour.",
     "statewardctl prune --dry-run\n",
     "",
     RunPrune},
    kDiffOperation,
    kRollbackOperation,
    kDeleteOperation,
    kUndeleteOperation,
    kMoveOperation,
    kPinOperation,
    kUnpinOperation,
    kPurgeOperation,
    kUploadsListOperation,
    kUploadsShowOperation,
    kUploadsDiffOperation,
    kUploadsRestoreOperation,
    kUploadsDropOperation,
    {"audit tail",
     M::kGet,
     "/api/v1/audit",
     S::kStore,
     {Right::kAdminister},
     E::kReads,
     A::kRows,
     kAuditTailParams,
     kAuditTailColumns,
     "shows the newest lines of the audit trail, the newest last",
     "Reads AUDIT_FILE on this host. Lines that were changed are left out.",
     "statewardctl audit tail\n"
     "statewardctl audit tail --lines 100 --json\n",
     "",
     RunAuditTail},
    {"audit verify",
     M::kGet,
     "/api/v1/audit/verify",
     S::kStore,
     {Right::kAdminister},
     E::kReads,
     A::kRows,
     kAuditVerifyParams,
     kAuditVerifyColumns,
     "finds what was changed, removed, moved or cut off in the audit trail",
     "Names the first bad lines, and lists changes that were announced and have no end, with the "
     "record that they became. Reads AUDIT_FILE and the rotated files next to it that are not "
     "compressed, and each record of the store. The exit code is 1 when a line is bad or missing.",
     "statewardctl audit verify\n"
     "statewardctl audit verify --head 0123456789abcdef:1200\n"
     "statewardctl audit verify --file old.log --file audit.log\n",
     "",
     RunAuditVerify},
    {"audit export",
     M::kGet,
     "/api/v1/audit/export",
     S::kStore,
     {Right::kAdminister},
     E::kReads,
     A::kDocument,
     kAuditExportParams,
     {},
     "writes the audit trail in the OCSF format, or as it is",
     "One JSON object a line. With ocsf: events of the class API Activity (6003) of OCSF 1.5.0; "
     "what the trail says of itself is left out.",
     "statewardctl audit export --format ocsf > events.json\n",
     "",
     RunAuditExport},
};

}  // namespace

OperationTable Operations() { return kOperations; }

const Operation* FindOperation(std::string_view name) {
  for (const Operation& row : kOperations) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

Result<Reply> RunOperation(const Operation& operation, AdminService& service, const Caller& caller,
                           const Args& args) {
  Result<Reply> reply = RunAudited(operation, service, caller, args);
  // A replica may lag: what is not there may be at the primary.
  if (service.rules().read_only && !reply.ok()) return NeverAbsent(std::move(reply).status());
  return reply;
}

}  // namespace stateward
