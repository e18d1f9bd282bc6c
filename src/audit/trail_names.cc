#include "audit/trail_names.h"

#include <algorithm>
#include <iterator>

namespace stateward {
namespace {

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool BeginsWith(std::string_view text, std::string_view front) {
  return text.substr(0, front.size()) == front;
}

constexpr std::string_view kCompressed[] = {".gz", ".bz2", ".xz", ".zst", ".lz4", ".Z"};

}  // namespace

bool IsTrailName(std::string_view base, std::string_view name) {
  if (!BeginsWith(name, base)) return false;
  const std::string_view behind = name.substr(base.size());
  if (behind.empty()) return true;
  if (behind[0] != '.' && behind[0] != '-') return false;
  if (behind == kChainEndEnding || behind == kHookCursorEnding) return false;
  return std::none_of(std::begin(kCompressed), std::end(kCompressed),
                      [behind](std::string_view end) { return EndsWith(behind, end); });
}

}  // namespace stateward
