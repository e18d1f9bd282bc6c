#include "base/together.h"

#include <system_error>
#include <thread>
#include <vector>

namespace stateward {
namespace {

// Threads that are waited for, also when the calling one breaks off.
struct Joined {
  ~Joined() {
    for (std::thread& thread : threads) thread.join();
  }
  std::vector<std::thread> threads;
};

}  // namespace

void RunAll(size_t count, const std::function<void(size_t)>& step) {
  Joined others;
  others.threads.reserve(count);
  size_t next = 1;
  try {
    for (; next < count; ++next) others.threads.emplace_back(step, next);
  } catch (const std::system_error&) {
    for (size_t i = next; i < count; ++i) step(i);
  }
  if (count > 0) step(0);
}

void RunTogether(const std::function<void()>& a, const std::function<void()>& b) {
  RunAll(2, [&](size_t i) { i == 0 ? b() : a(); });
}

}  // namespace stateward
