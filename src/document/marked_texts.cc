#include "document/marked_texts.h"

#include <algorithm>
#include <functional>

#include "base/json_text.h"
#include "document/token_digest.h"

namespace stateward {
namespace {

PartDigest DigestOf(std::string_view raw) {
  TokenDigest digest;
  digest.Add('s', raw);
  return digest.Finish();
}

}  // namespace

Status MarkedTexts::AddFrom(const Part& part) {
  if (!part.all_sensitive && part.sensitive.empty()) return {};
  for (const Member& member : part.members) {
    if (member.meta) continue;
    // Of an output, what stands with its value says nothing.
    if (part.kind == PartKind::kOutput && member.name != "value") continue;
    if (!part.all_sensitive && part.sensitive.count(JsonUnescape(member.name)) == 0) continue;
    EachJsonText(member.text, [this](std::string_view text, bool) {
      if (text.size() < kShortest) return true;
      digests_.push_back(DigestOf(text));
      return digests_.size() <= kMost;
    });
  }
  if (digests_.size() <= kMost) return {};
  return {Code::kTooLarge, "too much is marked as sensitive to show values: ask without them"};
}

bool MarkedTexts::StandsIn(std::string_view json) const {
  bool found = false;
  EachJsonText(json, [&](std::string_view text, bool) {
    found = text.size() >= kShortest &&
            std::binary_search(digests_.begin(), digests_.end(), DigestOf(text));
    return !found;
  });
  return found;
}

void MarkedTexts::Seal() {
  std::sort(digests_.begin(), digests_.end());
  digests_.erase(std::unique(digests_.begin(), digests_.end()), digests_.end());
}

}  // namespace stateward
