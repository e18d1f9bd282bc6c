#include "base/random.h"

#include <sys/random.h>

#include "base/hex.h"

namespace stateward {

void FillRandom(void* out, size_t n) {
  auto* p = static_cast<uint8_t*>(out);
  while (n > 0) {
    ssize_t got = getrandom(p, n, 0);
    if (got <= 0) continue;  // EINTR is the only error that Linux documents for these arguments
    p += got;
    n -= static_cast<size_t>(got);
  }
}

std::string RandomHex(size_t n) {
  Bytes bytes(n);
  FillRandom(bytes.data(), n);
  return HexEncode(bytes);
}

}  // namespace stateward
