#include "base/glob.h"

#include <algorithm>
#include <cstddef>
#include <string>

namespace stateward {
namespace {

// Without separators: of the stars only the last one has to be tried again.
bool SegmentMatches(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  return std::all_of(pattern.begin() + static_cast<std::ptrdiff_t>(p), pattern.end(),
                     [](char c) { return c == '*'; });
}

}  // namespace

bool GlobMatches(std::string_view pattern, std::string_view text, std::string_view separators) {
  for (;;) {
    size_t p = pattern.find_first_of(separators);
    size_t t = text.find_first_of(separators);
    if (!SegmentMatches(pattern.substr(0, p), text.substr(0, t))) return false;
    bool last = p == std::string_view::npos;
    if (last || t == std::string_view::npos) return last && t == std::string_view::npos;
    if (pattern[p] != text[t]) return false;
    pattern.remove_prefix(p + 1);
    text.remove_prefix(t + 1);
  }
}

bool FitsGlob(std::string_view pattern, const StateKey& key) {
  if (pattern.empty()) return true;
  if (pattern.find('/') == std::string_view::npos) {
    return GlobMatches(pattern, key.project, kStateSeparators);
  }
  return GlobMatches(pattern, key.project + "/" + key.name, kStateSeparators);
}

}  // namespace stateward
