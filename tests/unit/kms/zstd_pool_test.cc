#include "kms/zstd_pool.h"

#include <CppUTest/TestHarness.h>

#include <cstring>
#include <vector>

namespace stateward {

TEST_GROUP(ZstdMemory){};

TEST(ZstdMemory, IsAsItWasMade) {
  constexpr size_t kSize = 1000;  // no whole number of the pieces that are compared
  ZstdMemory memory;
  auto* bytes = static_cast<uint8_t*>(memory.Allocate(kSize));
  CHECK(bytes != nullptr);
  for (size_t at : {size_t{0}, size_t{63}, size_t{64}, size_t{500}, kSize - 1}) bytes[at] = 7;
  const std::vector<uint8_t> made(bytes, bytes + kSize);
  memory.Remember();
  for (int round = 0; round < 2; ++round) {
    std::memset(bytes, 'x', kSize);
    CHECK(memory.Allocate(100) != nullptr);
    memory.Restore();
    MEMCMP_EQUAL(made.data(), bytes, kSize);
  }
}

}  // namespace stateward
