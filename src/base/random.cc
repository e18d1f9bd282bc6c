#include "base/random.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <random>

#include "base/hex.h"

namespace stateward {
namespace {

// A kernel that gave nothing so often will not give it at the next try either.
constexpr int kTries = 8;
constexpr char kDevice[] = "/dev/urandom";

}  // namespace

bool FillFrom(RandomCall source, void* out, size_t n) {
  auto* p = static_cast<uint8_t*>(out);
  int failures = 0;
  while (n > 0) {
    ssize_t got = source(p, n, 0);
    if (got > 0) {
      p += got;
      n -= static_cast<size_t>(got);
    } else if ((got == 0 || errno != EINTR) && ++failures == kTries) {
      return false;
    }
  }
  return true;
}

void FillFromDevice(const std::string& path, void* out, size_t n) {
  std::random_device device(path);
  auto* p = static_cast<uint8_t*>(out);
  while (n > 0) {
    const unsigned word = device();
    const size_t take = std::min(n, sizeof word);
    std::memcpy(p, &word, take);
    p += take;
    n -= take;
  }
}

void FillRandom(void* out, size_t n) {
  if (!FillFrom(getrandom, out, n)) FillFromDevice(kDevice, out, n);
}

std::string RandomHex(size_t n) {
  Bytes bytes(n);
  FillRandom(bytes.data(), n);
  return HexEncode(bytes);
}

}  // namespace stateward
