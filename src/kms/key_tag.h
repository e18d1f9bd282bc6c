// Which key a record was sealed with, told from its header alone.
#ifndef STATEWARD_KMS_KEY_TAG_H_
#define STATEWARD_KMS_KEY_TAG_H_

#include <cstdint>
#include <string>
#include <tuple>

#include "base/hex.h"
#include "kms/header.h"
#include "kms/transit_keys.h"

namespace stateward {

struct KeyTag {
  KeyId id{};
  uint64_t version = 0;  // of a Transit key; 0: a key of 32 bytes, which has none
};
inline bool operator<(const KeyTag& a, const KeyTag& b) {
  return std::tie(a.id, a.version) < std::tie(b.id, b.version);
}
inline bool operator==(const KeyTag& a, const KeyTag& b) {
  return a.id == b.id && a.version == b.version;
}

inline KeyTag TagOf(const Header& header) {
  return {header.key_id, header.wrapped.empty() ? 0 : TransitVersion(header.wrapped)};
}
// The digits of the id; of a Transit key with ":v3" behind them.
inline std::string TextOf(const KeyTag& tag) {
  return HexEncode(tag.id) + (tag.version == 0 ? "" : ":v" + std::to_string(tag.version));
}

}  // namespace stateward

#endif  // STATEWARD_KMS_KEY_TAG_H_
