// Patterns over names: * stands for any number of bytes, but for no separator. Pure.
#ifndef STATEWARD_BASE_GLOB_H_
#define STATEWARD_BASE_GLOB_H_

#include <string_view>

#include "stateward/state.h"

namespace stateward {

// Whether all of `text` fits: each * stands for any number of bytes, but for none of `separators`.
// Linear in the size of `text` for each * of the pattern.
bool GlobMatches(std::string_view pattern, std::string_view text, std::string_view separators);

// Over project "/" name: a * stays within a part. A part that is ** stands for one or more of them:
// it differs from * only where names are nested. As GlobMatches, for each ** of the pattern.
bool StateGlobMatches(std::string_view pattern, std::string_view state);
inline constexpr std::string_view kAnySegments = "**";
// Whether a part of the pattern is **.
bool CrossesSlashes(std::string_view pattern);

// As StateGlobMatches. A pattern without "/" is the project's; "" fits every state.
bool FitsGlob(std::string_view pattern, const StateKey& key);

}  // namespace stateward

#endif  // STATEWARD_BASE_GLOB_H_
