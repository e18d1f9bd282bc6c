// The bytes of request bodies that one process holds at the same time.
// Thread-safe.
#ifndef STATEWARD_FCGI_BUDGET_H_
#define STATEWARD_FCGI_BUDGET_H_

#include <atomic>
#include <cstdint>

namespace stateward {

class ByteBudget {
 public:
  explicit ByteBudget(uint64_t limit) : limit_(limit) {}
  bool Take(uint64_t n) {
    if (used_.fetch_add(n, std::memory_order_relaxed) + n <= limit_) return true;
    used_.fetch_sub(n, std::memory_order_relaxed);
    return false;
  }
  void GiveBack(uint64_t n) { used_.fetch_sub(n, std::memory_order_relaxed); }

 private:
  const uint64_t limit_;
  std::atomic<uint64_t> used_{0};
};

}  // namespace stateward

#endif  // STATEWARD_FCGI_BUDGET_H_
