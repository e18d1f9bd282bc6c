// Whole numbers as the formats write them: most significant byte first.
#ifndef STATEWARD_BASE_BIG_ENDIAN_H_
#define STATEWARD_BASE_BIG_ENDIAN_H_

#include <cstddef>
#include <cstdint>

#include "stateward/bytes.h"

namespace stateward {

// Appends the low n bytes of `value`. REQUIRES: n <= 8
template <typename Vector>
void PutBigEndian(uint64_t value, size_t n, Vector* out) {
  while (n-- > 0) out->push_back(static_cast<uint8_t>(value >> (8 * n)));
}

// The same to where there is room for n bytes.
inline void PutBigEndianAt(uint64_t value, size_t n, uint8_t* to) {
  while (n-- > 0) *to++ = static_cast<uint8_t>(value >> (8 * n));
}

// REQUIRES: bytes.size() <= 8
inline uint64_t GetBigEndian(ByteView bytes) {
  uint64_t value = 0;
  for (uint8_t byte : bytes) value = (value << 8) | byte;
  return value;
}

}  // namespace stateward

#endif  // STATEWARD_BASE_BIG_ENDIAN_H_
