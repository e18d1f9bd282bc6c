#include "base/glob.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace stateward {
namespace {

std::vector<std::string_view> PartsOf(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t slash = text.find('/'); slash != text.npos; slash = text.find('/')) {
    parts.push_back(text.substr(0, slash));
    text.remove_prefix(slash + 1);
  }
  parts.push_back(text);
  return parts;
}

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

bool CrossesSlashes(std::string_view pattern) {
  if (pattern.find(kAnySegments) == pattern.npos) return false;
  const std::vector<std::string_view> parts = PartsOf(pattern);
  return std::find(parts.begin(), parts.end(), kAnySegments) != parts.end();
}

bool StateGlobMatches(std::string_view pattern, std::string_view state) {
  if (!CrossesSlashes(pattern)) return GlobMatches(pattern, state, "/");
  // As SegmentMatches, with parts in the place of bytes.
  const std::vector<std::string_view> want = PartsOf(pattern);
  const std::vector<std::string_view> have = PartsOf(state);
  size_t w = 0;
  size_t h = 0;
  size_t after_star = 0;  // 0: there was none
  size_t star_end = 0;    // behind what it swallows: one part at least
  while (h < have.size()) {
    if (w < want.size() && want[w] == kAnySegments) {
      after_star = ++w;
      star_end = ++h;
    } else if (w < want.size() && SegmentMatches(want[w], have[h])) {
      ++w;
      ++h;
    } else if (after_star != 0) {
      w = after_star;
      h = ++star_end;
    } else {
      return false;
    }
  }
  return w == want.size();
}

bool FitsGlob(std::string_view pattern, const StateKey& key) {
  if (pattern.empty()) return true;
  if (pattern.find('/') == std::string_view::npos) {
    return StateGlobMatches(pattern, key.project);
  }
  return StateGlobMatches(pattern, key.project + "/" + key.name);
}

}  // namespace stateward
