#include "stateward/bytes.h"

#include <openssl/crypto.h>

#include "stateward/secret.h"

namespace stateward {

void WipeMemory(void* p, size_t n) {
  if (n != 0) OPENSSL_cleanse(p, n);
}

bool EqualInConstantTime(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace stateward
