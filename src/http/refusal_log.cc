#include "http/refusal_log.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/network.h"

namespace stateward {

bool RefusalLog::MayLog(const std::string& address, int64_t now_us, uint64_t* left_out) {
  *left_out = 0;
  std::lock_guard<std::mutex> hold(mutex_);
  Entry& entry = EntryOf(NetworkOf(address), now_us);
  if (entry.empty_us > now_us + (kLines - 1) * kForgetUs) {
    ++entry.left_out;
    return false;
  }
  entry.empty_us = std::max(entry.empty_us, now_us) + kForgetUs;
  *left_out = std::exchange(entry.left_out, 0);
  return true;
}

RefusalLog::Entry& RefusalLog::EntryOf(const std::string& network, int64_t now_us) {
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
