// Keeps a flood of refused requests from flooding the log.
#ifndef STATEWARD_HTTP_REFUSAL_LOG_H_
#define STATEWARD_HTTP_REFUSAL_LOG_H_

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

namespace stateward {

// Thread-safe. Bounded.
class RefusalLog {
 public:
  // A broken pipeline is seen as a whole; then one line a second says that it goes on.
  static constexpr int kLines = 50;
  static constexpr int64_t kForgetUs = 1000000;
  // 150 bytes each. All further networks share one.
  static constexpr size_t kMaxNetworks = 1024;

  // Whether a refused request from there is logged; with *left_out, how many before it were not.
  bool MayLog(const std::string& address, int64_t now_us, uint64_t* left_out);

 private:
  struct Entry {
    int64_t empty_us = 0;  // when all lines are forgotten
    uint64_t left_out = 0;
  };
  Entry& EntryOf(const std::string& network, int64_t now_us);

  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
  int64_t next_sweep_us_ = 0;
};

}  // namespace stateward

#endif  // STATEWARD_HTTP_REFUSAL_LOG_H_
