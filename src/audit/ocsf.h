// A line of the trail as an event of OCSF 1.5.0 (https://schema.ocsf.io), class "API Activity"
// (6003), for collectors that want that. Pure.
#ifndef STATEWARD_AUDIT_OCSF_H_
#define STATEWARD_AUDIT_OCSF_H_

#include <string>
#include <string_view>

#include "audit/audit_line.h"

namespace stateward {

// `text`: the line itself. One JSON object without a line end. "" when the line is no request of
// somebody: what a trail says of itself has no place in that class.
std::string ToOcsf(const AuditLine& line, std::string_view text);

}  // namespace stateward

#endif  // STATEWARD_AUDIT_OCSF_H_
