// Text of others as it may be shown on a terminal: nothing in it moves the cursor, changes colours
// or the direction of writing, or breaks a line.
#ifndef STATEWARD_BASE_SHOWN_TEXT_H_
#define STATEWARD_BASE_SHOWN_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace stateward {

// Control characters (C0, DEL, C1), marks of the direction of writing, line and paragraph ends and
// bytes that are not UTF-8 become escapes: \x1b, \u202e. A backslash stays as it is.
std::string ShownText(std::string_view text);

// Columns that `text` takes on a terminal. REQUIRES: it came from ShownText.
size_t ShownWidth(std::string_view text);

// The longest beginning that takes at most `width` columns, with "…" at its end where something was
// left out. REQUIRES: it came from ShownText; width >= 1
std::string CutToWidth(std::string_view text, size_t width);

}  // namespace stateward

#endif  // STATEWARD_BASE_SHOWN_TEXT_H_
