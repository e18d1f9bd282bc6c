// Keeps a flood of refused requests from flooding what is written about them: the log and the audit
// trail, each with a gate of its own.
#ifndef STATEWARD_BASE_FLOOD_GATE_H_
#define STATEWARD_BASE_FLOOD_GATE_H_

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace stateward {

// Thread-safe. Bounded.
class FloodGate {
 public:
  // A broken pipeline is seen as a whole; then one line a second says that it goes on.
  static constexpr int kLines = 50;
  static constexpr int64_t kForgetUs = 1000000;
  // 150 bytes each. All further networks share one.
  static constexpr size_t kMaxNetworks = 1024;
  // A network is quiet when nothing came from it for so long.
  static constexpr int64_t kQuietUs = 10 * kForgetUs;

  // Whether a refused request from there gets a line; with *left_out, how many before it did not.
  bool MayPass(const std::string& address, int64_t now_us, uint64_t* left_out);
  // The networks that have gone quiet, and how many of their requests no line has counted. Each is
  // told once.
  std::vector<std::pair<std::string, uint64_t>> TakeQuiet(int64_t now_us);
  // The same of all networks, quiet or not: nothing is left untold at the end.
  std::vector<std::pair<std::string, uint64_t>> TakeAll();

 private:
  struct Entry {
    int64_t empty_us = 0;  // when all lines are forgotten
    int64_t last_us = 0;   // of the newest request that was left out
    uint64_t left_out = 0;
  };
  Entry& EntryOf(const std::string& network, int64_t now_us);
  std::vector<std::pair<std::string, uint64_t>> TakeBefore(int64_t last_us);

  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
  int64_t next_sweep_us_ = 0;
};

}  // namespace stateward

#endif  // STATEWARD_BASE_FLOOD_GATE_H_
