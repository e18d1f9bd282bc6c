#include <string_view>

#include "base/hex.h"
#include "base/sha256.h"
#include "stateward/state.h"

namespace stateward {

StateId StateId::Of(const StateKey& key) {
  std::string text = "stateward state v1";
  for (const std::string* part : {&key.tenant, &key.project, &key.name}) {
    auto size = static_cast<uint32_t>(part->size());
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(size >> shift);
    text += *part;
  }
  return StateId(HexEncode(Sha256(text)));
}

bool StateId::Parse(const std::string& text, StateId* out) {
  if (!IsHex(text, 2 * sizeof(Sha256Digest))) return false;
  *out = StateId(text);
  return true;
}

}  // namespace stateward
