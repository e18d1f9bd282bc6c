#include "auth/throttle.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace stateward {
namespace {

// User names are up to 16 KiB of anything; addresses are the web server's.
constexpr size_t kMaxKeyPart = 128;

std::string PairKey(const std::string& address, const std::string& user) {
  return address.substr(0, kMaxKeyPart) + "\n" + user.substr(0, kMaxKeyPart);
}

std::string AddressKey(const std::string& address) { return address.substr(0, kMaxKeyPart); }

}  // namespace

bool Throttle::IsFull(const std::string& key, int tries, int64_t now_us) const {
  auto it = entries_.find(key);
  return it != entries_.end() && it->second.empty_us > now_us + (tries - 1) * kForgetOneUs;
}

bool Throttle::MustWait(const std::string& address, const std::string& user) {
  int64_t now = clock_.SteadyUs();
  std::lock_guard<std::mutex> hold(mutex_);
  return IsFull(PairKey(address, user), kTries, now) ||
         IsFull(AddressKey(address), kTriesOfAddress, now);
}

void Throttle::CountFailure(const std::string& address, const std::string& user) {
  int64_t now = clock_.SteadyUs();
  std::lock_guard<std::mutex> hold(mutex_);
  Count(PairKey(address, user), now);
  Count(AddressKey(address), now);
}

void Throttle::Count(const std::string& key, int64_t now_us) {
  auto it = entries_.find(key);
  if (it == entries_.end()) {
    if (entries_.size() >= kMaxEntries) MakeRoom(now_us);
    it = entries_.emplace(key, Entry{now_us}).first;
  }
  it->second.empty_us = std::max(it->second.empty_us, now_us) + kForgetOneUs;
}

// What is forgotten anyway goes; then the half that will be forgotten first: whoever fills the
// table with names of one address stays counted by the address.
void Throttle::MakeRoom(int64_t now_us) {
  std::vector<int64_t> ends;
  for (auto it = entries_.begin(); it != entries_.end();) {
    if (it->second.empty_us <= now_us) {
      it = entries_.erase(it);
    } else {
      ends.push_back(it->second.empty_us);
      ++it;
    }
  }
  if (entries_.size() < kMaxEntries) return;
  std::nth_element(ends.begin(), ends.begin() + static_cast<ptrdiff_t>(ends.size() / 2),
                   ends.end());
  int64_t limit = ends[ends.size() / 2];
  for (auto it = entries_.begin(); it != entries_.end();) {
    it = it->second.empty_us <= limit ? entries_.erase(it) : std::next(it);
  }
}

}  // namespace stateward
