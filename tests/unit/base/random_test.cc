#include "base/random.h"

#include <CppUTest/TestHarness.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <set>
#include <string>

namespace stateward {
namespace {

int calls = 0;

ssize_t Forbidden(void*, size_t, unsigned) {
  ++calls;
  errno = ENOSYS;
  return -1;
}

// Interrupted more often than there are tries, then a byte at a time.
ssize_t Interrupted(void* out, size_t, unsigned) {
  errno = EINTR;
  if (++calls < 50) return -1;
  memset(out, 7, 1);
  return 1;
}

}  // namespace

TEST_GROUP(Random){void setup() override{calls = 0;
}  // namespace stateward
}
;

TEST(Random, AKernelThatGivesNothingIsNotAskedForEver) {
  char bytes[16];
  CHECK_FALSE(FillFrom(Forbidden, bytes, sizeof bytes));
  CHECK(calls < 100);
}

TEST(Random, AnInterruptedCallIsNoFailure) {
  unsigned char bytes[3];
  CHECK(FillFrom(Interrupted, bytes, sizeof bytes));
  for (unsigned char byte : bytes) LONGS_EQUAL(7, byte);
}

TEST(Random, TheDeviceGivesWhatTheCallDoesNot) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    std::string bytes(15, '\0');
    FillFromDevice("/dev/urandom", bytes.data(), bytes.size());
    seen.insert(bytes);
  }
  LONGS_EQUAL(100, seen.size());
}

TEST(Random, NothingIsMadeWithoutRandomBytes) {
  bool thrown = false;
  try {
    char byte = 0;
    FillFromDevice("/nowhere", &byte, 1);
  } catch (const std::exception&) {
    thrown = true;
  }
  CHECK(thrown);
}

}  // namespace stateward
