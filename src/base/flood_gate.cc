#include "base/flood_gate.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "base/network.h"

namespace stateward {

bool FloodGate::MayPass(const std::string& address, int64_t now_us, uint64_t* left_out) {
  *left_out = 0;
  std::lock_guard<std::mutex> hold(mutex_);
  Entry& entry = EntryOf(NetworkOf(address), now_us);
  if (entry.empty_us > now_us + (kLines - 1) * kForgetUs) {
    ++entry.left_out;
    entry.last_us = now_us;
    return false;
  }
  entry.empty_us = std::max(entry.empty_us, now_us) + kForgetUs;
  *left_out = std::exchange(entry.left_out, 0);
  return true;
}

std::vector<std::pair<std::string, uint64_t>> FloodGate::TakeQuiet(int64_t now_us) {
  return TakeBefore(now_us - kQuietUs);
}

std::vector<std::pair<std::string, uint64_t>> FloodGate::TakeAll() {
  return TakeBefore(std::numeric_limits<int64_t>::max());
}

std::vector<std::pair<std::string, uint64_t>> FloodGate::TakeBefore(int64_t last_us) {
  std::vector<std::pair<std::string, uint64_t>> out;
  std::lock_guard<std::mutex> hold(mutex_);
  for (auto& [network, entry] : entries_) {
    if (entry.left_out == 0 || entry.last_us > last_us) continue;
    out.emplace_back(network, std::exchange(entry.left_out, 0));
  }
  return out;
}

FloodGate::Entry& FloodGate::EntryOf(const std::string& network, int64_t now_us) {
  auto it = entries_.find(network);
  if (it != entries_.end()) return it->second;
  if (entries_.size() >= kMaxNetworks && now_us >= next_sweep_us_) {
    next_sweep_us_ = now_us + kForgetUs;
    for (auto old = entries_.begin(); old != entries_.end();) {
      bool idle = old->second.empty_us <= now_us;
      old = idle ? entries_.erase(old) : std::next(old);
    }
  }
  return entries_[entries_.size() < kMaxNetworks ? network : std::string("others")];
}

}  // namespace stateward
