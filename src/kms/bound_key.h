// A data key as a key service encrypts it: bound to the store and the state that it is for.
// docs/formats.md, "Wrapped keys".
#ifndef STATEWARD_KMS_BOUND_KEY_H_
#define STATEWARD_KMS_BOUND_KEY_H_

#include <cstddef>

#include "kms/suite.h"
#include "stateward/bytes.h"
#include "stateward/kms.h"
#include "stateward/result.h"

namespace stateward {

// The key and a SHA-256 behind it. The smallest RSA key of Transit encrypts 190 bytes.
constexpr size_t kBoundKeyBytes = kKeyBytes + 32;

// REQUIRES: key.size() == kKeyBytes. kInvalidArgument: `where` is not a place.
Result<SecretBytes> BindKey(ByteView key, const SealContext& where);

// The key, if what was unwrapped is bound to this place: asked at each use, for who knows one
// state's wrapped key and what is in it could else put both under another state.
// kCorruption: it is another state's or another store's, or no bound key at all.
// kInvalidArgument: `where` is not a place.
Result<SecretBytes> UnbindKey(ByteView bound, const SealContext& where);

}  // namespace stateward

#endif  // STATEWARD_KMS_BOUND_KEY_H_
