// What lies next to AUDIT_FILE. Pure.
#ifndef STATEWARD_AUDIT_TRAIL_NAMES_H_
#define STATEWARD_AUDIT_TRAIL_NAMES_H_

#include <string_view>

namespace stateward {

// Behind AUDIT_FILE's name: where the chain ends, and how far its events were sent.
inline constexpr char kChainEndEnding[] = ".head";
inline constexpr char kHookCursorEnding[] = ".hooks";

// Of so many lines at a file's front one is looked for that can be read, to tell the file's place:
// a process that was killed left half a line, and so may others have that died at the same time. A
// file of another store has none, however long it is.
inline constexpr int kTrailFirstLines = 16;

// Whether `name`, in the folder of the trail `base`, is a file of its lines by its name: `base`
// itself, or what logrotate makes of it and does not compress.
bool IsTrailName(std::string_view base, std::string_view name);

}  // namespace stateward

#endif  // STATEWARD_AUDIT_TRAIL_NAMES_H_
