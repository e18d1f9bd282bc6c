#include "base/together.h"

#include <system_error>
#include <thread>

namespace stateward {

void RunTogether(const std::function<void()>& a, const std::function<void()>& b) {
  std::thread beside;
  try {
    beside = std::thread(a);
  } catch (const std::system_error&) {
    a();
  }
  b();
  if (beside.joinable()) beside.join();
}

}  // namespace stateward
