#include "stateward/bytes.h"

#include <openssl/crypto.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stateward/secret.h"

namespace stateward {

void WipeMemory(void* p, size_t n) {
  if (n != 0) explicit_bzero(p, n);
}

void AdviseHugePages(void* p, size_t n) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t skip = (page - reinterpret_cast<uintptr_t>(p) % page) % page;
  // Only a hint: where the kernel cannot, nothing is lost.
  if (n > skip)
    (void)madvise(static_cast<char*>(p) + skip, (n - skip) / page * page, MADV_HUGEPAGE);
}

bool EqualInConstantTime(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace stateward
