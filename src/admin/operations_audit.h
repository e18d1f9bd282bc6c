// Rows of the table of operations: the audit trail. Included by operations.cc alone.
#ifndef STATEWARD_ADMIN_OPERATIONS_AUDIT_H_
#define STATEWARD_ADMIN_OPERATIONS_AUDIT_H_

#include "admin/operation.h"

namespace stateward {

inline constexpr Param kAuditFileParam = {
    "file",
    ParamKind::kText,
    ParamUse::kManyOptions,
    "FILE",
    "read this file, the oldest one first; without it AUDIT_FILE and what was rotated",
    {},
    1,
    4096,
    {},
    ParamReach::kCommandLine};

inline constexpr Param kAuditTailParams[] = {
    {"lines", ParamKind::kNumber, ParamUse::kOption, "N", "how many", "20", 1, 10000},
    kAuditFileParam,
};

inline constexpr Param kAuditVerifyParams[] = {
    {"head",
     ParamKind::kText,
     ParamUse::kManyOptions,
     "CHAIN:LINE",
     "a line that must be there, as the metrics named it",
     {},
     1,
     64},
    kAuditFileParam,
};

inline constexpr Param kAuditExportParams[] = {
    {"format", ParamKind::kChoice, ParamUse::kOption, "FORMAT", "the form of the events", "ocsf", 0,
     kNoLimit, "ocsf|json"},
    kAuditFileParam,
};

}  // namespace stateward

#endif  // STATEWARD_ADMIN_OPERATIONS_AUDIT_H_
