// Blobs as the original and Transit make them.
#ifndef STATEWARD_TESTS_DOUBLES_ORIGINAL_BLOBS_H_
#define STATEWARD_TESTS_DOUBLES_ORIGINAL_BLOBS_H_

#include <string>

#include "base/base64.h"
#include "base/random.h"
#include "kms/suite.h"

namespace stateward {

// nonce ‖ ciphertext ‖ tag, no associated data. Empty when it failed.
inline Bytes SealAsOriginal(const Suite& suite, ByteView key, ByteView plain) {
  Nonce nonce;
  FillRandom(nonce.data(), nonce.size());
  Bytes sealed(nonce.begin(), nonce.end());
  sealed.resize(nonce.size() + plain.size() + kTagBytes);
  const Status done = suite.Sealer(key)->Seal(nonce, {}, plain, &sealed[nonce.size()]);
  return done.ok() ? sealed : Bytes();
}

// What Transit does with a key of type aes256-gcm96.
inline std::string TransitText(const Suite& suite, ByteView key, int version, ByteView plain) {
  return "vault:v" + std::to_string(version) + ":" +
         Base64Encode(SealAsOriginal(suite, key, plain));
}

}  // namespace stateward

#endif  // STATEWARD_TESTS_DOUBLES_ORIGINAL_BLOBS_H_
