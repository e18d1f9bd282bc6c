// Where a file of the trail belongs among the others is told by its first line.
#ifndef STATEWARD_AUDIT_FIRST_LINE_H_
#define STATEWARD_AUDIT_FIRST_LINE_H_

#include <optional>
#include <string>

#include "audit/audit_line.h"
#include "stateward/bytes.h"
#include "stateward/disk.h"

namespace stateward {

// The first line of file `name` in folder `dir` that was written under this key; nullopt: none of
// its first 16 was, or it cannot be read.
std::optional<AuditLine> FirstTrailLine(Disk& disk, int dir, const std::string& name, ByteView key);

}  // namespace stateward

#endif  // STATEWARD_AUDIT_FIRST_LINE_H_
