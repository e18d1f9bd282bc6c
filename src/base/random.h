// The kernel's random numbers.
#ifndef STATEWARD_BASE_RANDOM_H_
#define STATEWARD_BASE_RANDOM_H_

#include <sys/types.h>

#include <cstddef>
#include <string>

namespace stateward {

// Fills n bytes from getrandom(2), which cannot fail once the system has started unless something
// forbids it (a filter of system calls): then /dev/urandom is asked. When that gives nothing
// either, the standard library throws, as it does for want of memory; a request is then answered
// with 503. Thread-safe.
void FillRandom(void* out, size_t n);
// 2 n hex digits.
std::string RandomHex(size_t n);

// The two steps of FillRandom. FillFrom: false after some calls that failed; interrupted ones do
// not count. FillFromDevice throws std::system_error, or std::runtime_error.
using RandomCall = ssize_t (*)(void* out, size_t n, unsigned flags);
bool FillFrom(RandomCall source, void* out, size_t n);
void FillFromDevice(const std::string& path, void* out, size_t n);

}  // namespace stateward

#endif  // STATEWARD_BASE_RANDOM_H_
