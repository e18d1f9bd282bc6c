#include "base/together.h"

#include <system_error>
#include <thread>
#include <vector>

namespace stateward {

void RunAll(size_t count, const std::function<void(size_t)>& step) {
  std::vector<std::thread> others;
  others.reserve(count);
  size_t next = 1;
  try {
    for (; next < count; ++next) others.emplace_back(step, next);
  } catch (const std::system_error&) {
    for (size_t i = next; i < count; ++i) step(i);
  }
  if (count > 0) step(0);
  for (std::thread& other : others) other.join();
}

void RunTogether(const std::function<void()>& a, const std::function<void()>& b) {
  RunAll(2, [&](size_t i) { i == 0 ? b() : a(); });
}

}  // namespace stateward
