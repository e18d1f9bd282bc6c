// Rows of the table of operations: those that compare and change one state. Included by
// operations.cc alone.
#ifndef STATEWARD_ADMIN_OPERATIONS_CHANGE_H_
#define STATEWARD_ADMIN_OPERATIONS_CHANGE_H_

#include "admin/columns.h"
#include "admin/locked_change.h"
#include "admin/operation.h"
#include "admin/run.h"

namespace stateward {

inline constexpr Column kDiffColumns[] = {
    {"change", ColumnKind::kText, "CHANGE", "added, changed, removed or moved"},
    {"kind", ColumnKind::kText, "KIND",
     "resource, data, output; document: where only the client can read it"},
    {"address", ColumnKind::kText, "ADDRESS", "of the resource, or the output's name"},
    {"was", ColumnKind::kText, "WAS", "of a moved one, its address before"},
    {"attributes", ColumnKind::kTexts, "ATTRIBUTES",
     "that differ; in brackets what is not an attribute, such as (status)"},
    {"before", ColumnKind::kText, "BEFORE", "with --values: the value, as JSON"},
    {"after", ColumnKind::kText, "AFTER", "with --values: the value, as JSON"},
    {"hidden", ColumnKind::kText, "HIDDEN", "with --values: why the value does not show"},
};

inline constexpr Column kUploadsColumns[] = {
    {"upload", ColumnKind::kText, "UPLOAD", "its name"},
    {"state", ColumnKind::kText, "STATE", "PROJECT/NAME that it was sent to"},
    kNamespaceColumn,
    {"time", ColumnKind::kTime, "TIME", "when it was refused"},
    {"principal", ColumnKind::kText, "BY", "who sent it"},
    {"serial", ColumnKind::kNumber, "SERIAL", "of the document"},
    {"lineage", ColumnKind::kText, "LINEAGE", "of the document", ColumnShown::kJsonOnly},
    {"size", ColumnKind::kBytes, "SIZE", "of the document"},
    {"problem", ColumnKind::kText, "PROBLEM", "why it does not open; null: it opens"},
};

inline constexpr Column kMoveColumns[] = {
    {"state", ColumnKind::kText, "STATE", "PROJECT/NAME that it had"},
    kNamespaceColumn,
    {"moved_to", ColumnKind::kText, "MOVED TO", "PROJECT/NAME that it has now"},
};

inline constexpr Column kPurgeColumns[] = {
    {"version", ColumnKind::kNumber, "VERSION", "number of the version; null for a kept upload"},
    {"upload", ColumnKind::kText, "UPLOAD", "name of the kept upload; null for a version"},
    {"serial", ColumnKind::kNumber, "SERIAL", "of the document"},
    {"time", ColumnKind::kTime, "TIME", "when it was written or refused"},
    {"principal", ColumnKind::kText, "BY", "who wrote it"},
    {"result", ColumnKind::kText, "RESULT", "purged, or would be"},
};

inline constexpr Column kChangeColumns[] = {
    kStateColumn,
    kNamespaceColumn,
    {"result", ColumnKind::kText, "RESULT", "what was done, or would be"},
    {"version", ColumnKind::kNumber, "VERSION", "number of the version that this made"},
    {"serial", ColumnKind::kNumber, "SERIAL", "of that version"},
    {"lineage", ColumnKind::kText, "LINEAGE", "of that version"},
    {"size", ColumnKind::kBytes, "SIZE", "of its document"},
    {"sha256", ColumnKind::kText, "SHA256", "of its document, in hex", ColumnShown::kJsonOnly},
};

inline constexpr Param kDiffParams[] = {
    kStateParam,
    {"from",
     ParamKind::kNumber,
     ParamUse::kOptionalArgument,
     "A",
     "the version before; without it the one before B",
     {},
     1},
    {"to",
     ParamKind::kNumber,
     ParamUse::kOptionalArgument,
     "B",
     "the version after; without it the newest",
     {},
     1},
    {"values", ParamKind::kFlag, ParamUse::kOption, "",
     "show the values, too: those that are neither marked sensitive nor named like a secret"},
    kNamespaceParam,
};

inline constexpr Param kRollbackParams[] = {
    kStateParam,
    {"to", ParamKind::kNumber, ParamUse::kRequiredOption, "N", "the version to put back", {}, 1},
    {"dry-run", ParamKind::kFlag, ParamUse::kOption, "", "only say what would change"},
    {"lineage-changes", ParamKind::kFlag, ParamUse::kOption, "",
     "also when the version has another lineage than the newest one"},
    kReasonParam,
    kIfVersionParam,
    kChangeIdParam,
    kNamespaceParam,
};

inline constexpr Param kChangeParams[] = {
    kStateParam, kReasonParam, kIfVersionParam, kChangeIdParam, kNamespaceParam,
};

inline constexpr Param kMoveParams[] = {
    kStateParam,
    {"to", ParamKind::kState, ParamUse::kArgument, "PROJECT/NAME", "its new address"},
    kReasonParam,
    kNamespaceParam,
};

inline constexpr Param kUploadParam = {
    "upload", ParamKind::kText, ParamUse::kArgument, "UPLOAD", "its name in `uploads list`", {}, 1,
    64};

inline constexpr Param kUploadsListParams[] = {
    {"glob", ParamKind::kGlob, ParamUse::kOptionalArgument, "GLOB", "those sent to these states"},
};

inline constexpr Param kUploadParams[] = {kUploadParam};

inline constexpr Param kUploadDiffParams[] = {
    kUploadParam,
    {"values", ParamKind::kFlag, ParamUse::kOption, "",
     "show the values, too, as `diff --values` does"},
};

inline constexpr Param kUploadRestoreParams[] = {
    kUploadParam,
    kReasonParam,
    kIfVersionParam,
    kChangeIdParam,
};

inline constexpr Param kVersionParam = {
    "version", ParamKind::kNumber, ParamUse::kRequiredOption, "N", "which version", {}, 1};

inline constexpr Param kPinParams[] = {kStateParam, kVersionParam, kNamespaceParam};

inline constexpr Param kPurgeParams[] = {
    kStateParam,
    kVersionParam,
    {"reason",
     ParamKind::kText,
     ParamUse::kRequiredOption,
     "TEXT",
     "why; it stays in the place of the document",
     {},
     1,
     kMaxParamText},
    {"dry-run", ParamKind::kFlag, ParamUse::kOption, "", "only list what would be removed"},
    kNamespaceParam,
};

inline constexpr Operation kDiffOperation = {
    "diff",
    Method::kGet,
    "/api/v1/states/{project}/{name}/diff",
    Scope::kState,
    {Right::kRead},
    Effect::kReads,
    Answer::kRows,
    kDiffParams,
    kDiffColumns,
    "shows what differs between two versions: resources and outputs by address",
    "It shows names only. With --values it also shows values, but none that the document marks as "
    "sensitive, or that is named like a secret or looks like one; DIFF_VALUES=false forbids them. "
    "A resource under another "
    "address has moved when it is the only one with its type and id, or with its type and all "
    "attributes. States that the client encrypted: only sizes and serials.",
    "statewardctl diff net/prod\n"
    "statewardctl diff net/prod 40 41 --values\n",
    "",
    RunDiff};

inline constexpr Operation kRollbackOperation = {
    "rollback",
    Method::kPost,
    "/api/v1/states/{project}/{name}/rollback",
    Scope::kState,
    {Right::kRead, Right::kLock, Right::kWrite},
    Effect::kChangesLocked,
    Answer::kRow,
    kRollbackParams,
    kChangeColumns,
    "puts an older version back, as a new version with the next serial",
    "Only the digits of the serial change. It takes the lock itself, so it is refused while "
    "somebody holds it. It works for a deleted state, too. Start with --dry-run: it names the "
    "version for --if-version.",
    "statewardctl rollback net/prod --to 40 --dry-run\n"
    "statewardctl rollback net/prod --to 40 --if-version 42 --reason \"broken apply\"\n",
    "",
    RunRollback};

inline constexpr Operation kDeleteOperation = {
    "delete",
    Method::kPost,
    "/api/v1/states/{project}/{name}/delete",
    Scope::kState,
    {Right::kLock, Right::kDelete},
    Effect::kChangesLocked,
    Answer::kRow,
    kChangeParams,
    kChangeColumns,
    "deletes a state; its history stays until it is pruned",
    "Clients find no state afterwards. The infrastructure that it describes is not destroyed.",
    "statewardctl delete net/prod --reason \"moved to eu\"\n"
    "statewardctl delete net/prod --yes\n",
    "Delete this state?",
    RunDelete};

inline constexpr Operation kUndeleteOperation = {
    "undelete",
    Method::kPost,
    "/api/v1/states/{project}/{name}/undelete",
    Scope::kState,
    {Right::kRead, Right::kLock, Right::kWrite},
    Effect::kChangesLocked,
    Answer::kRow,
    kChangeParams,
    kChangeColumns,
    "takes a deletion back: the last document, with its lineage and serial",
    "",
    "statewardctl undelete net/prod\n",
    "",
    RunUndelete};

inline constexpr Operation kMoveOperation = {
    "mv",
    Method::kPost,
    "/api/v1/states/{project}/{name}/mv",
    Scope::kState,
    {Right::kRead, Right::kLock, Right::kWrite, Right::kDelete},
    Effect::kChangesLocked,
    Answer::kRow,
    kMoveParams,
    kMoveColumns,
    "gives a state another address, with its history",
    "The old address answers clients with 409 and the new address. It is refused while the state "
    "is locked, and when there is a state at the new address, even a deleted one. If it was "
    "killed, give the same command again. Refused uploads come along, under new names; given again "
    "later, the command takes along what was refused at the old address since.",
    "statewardctl mv net/prod network/production\n",
    "",
    RunMove};

inline constexpr Operation kPinOperation = {
    "pin",
    Method::kPost,
    "/api/v1/states/{project}/{name}/pin",
    Scope::kState,
    {Right::kWrite},
    Effect::kChanges,
    Answer::kRow,
    kPinParams,
    kChangeColumns,
    "keeps a version from being pruned",
    "HISTORY_KEEP and HISTORY_DAYS say what is pruned. `purge` removes a pinned version, too.",
    "statewardctl pin net/prod --version 40\n",
    "",
    RunPin};

inline constexpr Operation kUnpinOperation = {"unpin",
                                              Method::kPost,
                                              "/api/v1/states/{project}/{name}/unpin",
                                              Scope::kState,
                                              {Right::kWrite},
                                              Effect::kChanges,
                                              Answer::kRow,
                                              kPinParams,
                                              kChangeColumns,
                                              "lets a version be pruned again",
                                              "",
                                              "statewardctl unpin net/prod --version 40\n",
                                              "",
                                              RunUnpin};

inline constexpr Operation kPurgeOperation = {
    "purge",
    Method::kPost,
    "/api/v1/states/{project}/{name}/purge",
    Scope::kState,
    {Right::kLock, Right::kDelete, Right::kAdminister},
    Effect::kChangesLocked,
    Answer::kRows,
    kPurgeParams,
    kPurgeColumns,
    "removes a leaked document for good, from all versions and kept uploads of its state",
    "Records that say who did it and why take their places. It is refused for the document that "
    "clients get now: write another one or roll back first. Start with --dry-run. It names the "
    "copies that it cannot reach.",
    "statewardctl purge net/prod --version 40 --reason \"password in an output\" --dry-run\n"
    "statewardctl purge net/prod --version 40 --reason \"password in an output\" --yes\n",
    "Remove these documents for good?",
    RunPurge};

inline constexpr Operation kUploadsListOperation = {
    "uploads list",
    Method::kGet,
    "/api/v1/uploads",
    Scope::kStates,
    {Right::kSee},
    Effect::kReads,
    Answer::kRows,
    kUploadsListParams,
    kUploadsColumns,
    "lists the uploads that were refused and kept",
    "Each may be the only copy of what an apply did: look at it with `uploads diff`, put it in "
    "place with `uploads restore`.",
    "statewardctl uploads list\n"
    "statewardctl uploads list 'net/*'\n",
    "",
    RunUploadsList};

inline constexpr Operation kUploadsShowOperation = {
    "uploads show",
    Method::kGet,
    "/api/v1/uploads/{upload}",
    Scope::kStates,
    {Right::kRead},
    Effect::kReads,
    Answer::kDocument,
    kUploadParams,
    {},
    "writes the exact bytes of a kept upload to the output, or to --output FILE",
    "",
    "statewardctl uploads show 5b0c6f7a1d2e3f405162738495a6b7c8 -o refused.tfstate\n",
    "",
    RunUploadsShow};

inline constexpr Operation kUploadsDiffOperation = {
    "uploads diff",
    Method::kGet,
    "/api/v1/uploads/{upload}/diff",
    Scope::kStates,
    {Right::kRead},
    Effect::kReads,
    Answer::kRows,
    kUploadDiffParams,
    kDiffColumns,
    "shows what differs between the newest version of its state and a kept upload",
    "As `diff` does.",
    "statewardctl uploads diff 5b0c6f7a1d2e3f405162738495a6b7c8\n",
    "",
    RunUploadsDiff};

inline constexpr Operation kUploadsRestoreOperation = {
    "uploads restore",
    Method::kPost,
    "/api/v1/uploads/{upload}/restore",
    Scope::kStates,
    {Right::kRead, Right::kLock, Right::kWrite},
    Effect::kChangesLocked,
    Answer::kRow,
    kUploadRestoreParams,
    kChangeColumns,
    "puts a kept upload in the place of the newest version of its state, byte for byte",
    "For a `state push -force -lock=false` that was refused, and for an apply whose lock was "
    "released by somebody else. It takes the lock itself. The upload stays until it is dropped or "
    "too old.",
    "statewardctl uploads restore 5b0c6f7a1d2e3f405162738495a6b7c8 --reason \"apply of job 17\"\n",
    "",
    RunUploadsRestore};

inline constexpr Operation kUploadsDropOperation = {
    "uploads drop",
    Method::kPost,
    "/api/v1/uploads/{upload}/drop",
    Scope::kStates,
    {Right::kDelete},
    Effect::kChanges,
    Answer::kRow,
    kUploadParams,
    kUploadsColumns,
    "removes a kept upload for good",
    "",
    "statewardctl uploads drop 5b0c6f7a1d2e3f405162738495a6b7c8 --yes\n",
    "Remove this upload? It may be the only copy.",
    RunUploadsDrop};

}  // namespace stateward

#endif  // STATEWARD_ADMIN_OPERATIONS_CHANGE_H_
