// The kernel's random numbers.
#ifndef STATEWARD_BASE_RANDOM_H_
#define STATEWARD_BASE_RANDOM_H_

#include <cstddef>
#include <string>

namespace stateward {

// Fills n bytes from getrandom(2), which cannot fail once the system has started and needs no care
// after fork. Thread-safe.
void FillRandom(void* out, size_t n);
// 2 n hex digits.
std::string RandomHex(size_t n);

}  // namespace stateward

#endif  // STATEWARD_BASE_RANDOM_H_
