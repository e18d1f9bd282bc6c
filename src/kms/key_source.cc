#include "kms/key_source.h"

#include "base/hex.h"

namespace stateward {

Status UnknownKey(const KeyId& id) {
  return Status::UnknownKey("key " + HexEncode(id) + " unknown");
}

}  // namespace stateward
