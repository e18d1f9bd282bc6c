// What lies next to AUDIT_FILE. Pure.
#ifndef STATEWARD_AUDIT_TRAIL_NAMES_H_
#define STATEWARD_AUDIT_TRAIL_NAMES_H_

#include <string_view>

namespace stateward {

// Behind AUDIT_FILE's name: where the chain ends, and how far its events were sent.
inline constexpr char kChainEndEnding[] = ".head";
inline constexpr char kHookCursorEnding[] = ".hooks";

// Whether `name`, in the folder of the trail `base`, is a file of its lines by its name: `base`
// itself, or what logrotate makes of it and does not compress.
bool IsTrailName(std::string_view base, std::string_view name);

}  // namespace stateward

#endif  // STATEWARD_AUDIT_TRAIL_NAMES_H_
