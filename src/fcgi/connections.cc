#include "fcgi/connections.h"

namespace stateward {

uint64_t Connections::Add(int fd, int64_t now_us) {
  std::lock_guard<std::mutex> hold(mutex_);
  if (entries_.size() >= kMax) return 0;
  uint64_t id = next_id_++;
  entries_[id] = {fd, ConnState::kBusy, now_us, false};
  return id;
}

Taken Connections::Take(uint64_t id, int64_t now_us) {
  std::lock_guard<std::mutex> hold(mutex_);
  auto it = entries_.find(id);
  if (it == entries_.end() || it->second.state == ConnState::kBusy) return {};
  it->second.state = ConnState::kBusy;
  if (!it->second.lingering) it->second.since_us = now_us;
  return {true, it->second.fd, it->second.lingering};
}

void Connections::Park(uint64_t id, ConnState state, int64_t now_us) {
  std::lock_guard<std::mutex> hold(mutex_);
  auto it = entries_.find(id);
  if (it == entries_.end()) return;
  // A lingering one keeps its first time: what trickles in does not prolong it.
  bool still_lingering = it->second.lingering && state == ConnState::kLingering;
  it->second.state = state;
  it->second.lingering = state == ConnState::kLingering;
  if (!still_lingering) it->second.since_us = now_us;
}

void Connections::Remove(uint64_t id) {
  std::lock_guard<std::mutex> hold(mutex_);
  entries_.erase(id);
}

std::vector<int> Connections::Sweep(int64_t now_us, int64_t idle_us, int64_t linger_us) {
  std::vector<int> fds;
  std::lock_guard<std::mutex> hold(mutex_);
  for (auto it = entries_.begin(); it != entries_.end();) {
    const Entry& entry = it->second;
    int64_t limit = entry.lingering ? linger_us : idle_us;
    if (entry.state != ConnState::kBusy && now_us - entry.since_us >= limit) {
      fds.push_back(entry.fd);
      it = entries_.erase(it);
    } else {
      ++it;
    }
  }
  return fds;
}

std::vector<int> Connections::BusyLongerThan(int64_t now_us, int64_t busy_us) {
  std::vector<int> fds;
  std::lock_guard<std::mutex> hold(mutex_);
  for (const auto& [id, entry] : entries_) {
    if (entry.state == ConnState::kBusy && now_us - entry.since_us >= busy_us) {
      fds.push_back(entry.fd);
    }
  }
  return fds;
}

size_t Connections::Count() const {
  std::lock_guard<std::mutex> hold(mutex_);
  return entries_.size();
}

}  // namespace stateward
