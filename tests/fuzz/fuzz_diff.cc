// Two documents, with a line "--" between them. A document does not differ from itself; what was
// added one way was removed the other way; a value that is hidden on one side is not shown.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "document/document_diff.h"
#include "document/document_parts.h"

namespace {

using namespace stateward;

Result<DocumentDiff> Diff(std::string_view before, std::string_view after, bool values) {
  const auto opens = [](std::string_view text) {
    return [text]() -> Result<SecretBytes> { return SecretBytes(text.begin(), text.end()); };
  };
  return DiffDocuments(opens(before), opens(after), values);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  constexpr std::string_view kBetween = "\n--\n";
  const size_t middle = text.find(kBetween);
  const std::string_view a = text.substr(0, middle);
  const std::string_view b = middle == text.npos ? a : text.substr(middle + kBetween.size());
  Result<DocumentDiff> same = Diff(a, a, true);
  if (same.ok() && !same->rows.empty()) std::abort();
  Result<DocumentDiff> there = Diff(a, b, false);
  Result<DocumentDiff> back = Diff(b, a, true);
  if (there.ok() != back.ok()) std::abort();
  if (!there.ok()) return 0;
  if (there->rows.size() != back->rows.size()) std::abort();
  if (there->resources.added != back->resources.removed) std::abort();
  if (there->resources.moved != back->resources.moved) std::abort();
  for (const PartRow& row : back->rows) {
    for (const MemberChange& member : row.members) {
      const bool shown = !member.before.empty() || !member.after.empty();
      if (shown && member.hidden != HiddenBy::kNothing) std::abort();
    }
  }
  return 0;
}
