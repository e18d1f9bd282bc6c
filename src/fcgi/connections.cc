#include "fcgi/connections.h"

#include <sys/epoll.h>

#include <utility>

namespace stateward {

Connection* Connections::Add(int fd, bool may_vouch, Memory& memory, size_t most, int64_t now_us) {
  std::lock_guard<std::mutex> hold(mutex_);
  if (entries_.size() >= most) return nullptr;
  uint64_t id = next_id_++;
  Entry& entry = entries_[id];
  entry.connection = std::make_unique<Connection>(id, fd, may_vouch, memory, now_us);
  return entry.connection.get();
}

Connection* Connections::Take(uint64_t id) {
  std::lock_guard<std::mutex> hold(mutex_);
  auto it = entries_.find(id);
  if (it == entries_.end() || !it->second.waits) return nullptr;
  it->second.waits = false;
  return it->second.connection.get();
}

// Armed under the mutex: the thread that epoll wakes finds it given back.
bool Connections::Park(Connection* connection) {
  std::unique_ptr<Connection> refused;
  std::lock_guard<std::mutex> hold(mutex_);
  auto it = entries_.find(connection->id());
  Entry& entry = it->second;
  epoll_event event{};
  event.events = connection->Events() | EPOLLONESHOT;
  event.data.u64 = connection->id();
  int operation = entry.in_epoll ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (epoll_ctl(epoll_, operation, connection->fd(), &event) == 0) {
    entry.in_epoll = true;
    entry.waits = true;
    return true;
  }
  refused = std::move(entry.connection);
  entries_.erase(it);
  return false;
}

void Connections::Close(Connection* connection) {
  std::unique_ptr<Connection> gone;
  std::lock_guard<std::mutex> hold(mutex_);
  auto it = entries_.find(connection->id());
  gone = std::move(it->second.connection);
  entries_.erase(it);
}

std::vector<Connection*> Connections::TakeDue(int64_t now_us, const ConnectionLimits& limits,
                                              bool* reads_away) {
  std::vector<Connection*> due;
  std::lock_guard<std::mutex> hold(mutex_);
  for (auto& [id, entry] : entries_) {
    if (!entry.waits) continue;
    if (!entry.connection->IsDue(now_us, limits)) {
      *reads_away = *reads_away || entry.connection->ReadsAway();
      continue;
    }
    entry.waits = false;
    due.push_back(entry.connection.get());
  }
  return due;
}

void Connections::CloseWaiting(bool all) {
  std::vector<std::unique_ptr<Connection>> gone;
  std::lock_guard<std::mutex> hold(mutex_);
  for (auto it = entries_.begin(); it != entries_.end();) {
    Entry& entry = it->second;
    bool idle = entry.connection->phase() == Connection::Phase::kIdle;
    if (entry.waits && (all || idle)) {
      gone.push_back(std::move(entry.connection));
      it = entries_.erase(it);
    } else {
      ++it;
    }
  }
}

bool Connections::CloseLongestIdle() {
  std::unique_ptr<Connection> gone;
  std::lock_guard<std::mutex> hold(mutex_);
  auto longest = entries_.end();
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    if (!it->second.waits) continue;
    Connection::Phase phase = it->second.connection->phase();
    if (phase == Connection::Phase::kBody || phase == Connection::Phase::kAnswer) continue;
    int64_t since = it->second.connection->since_us();
    if (longest == entries_.end() || since < longest->second.connection->since_us()) longest = it;
  }
  if (longest == entries_.end()) return false;
  gone = std::move(longest->second.connection);
  entries_.erase(longest);
  return true;
}

size_t Connections::Count() const {
  std::lock_guard<std::mutex> hold(mutex_);
  return entries_.size();
}

ConnectionGauges Connections::Gauges(int64_t now_us) const {
  // A web server of the same host sends and takes at once; who does not waits for its client.
  constexpr int64_t kSlowUs = 5000000;
  ConnectionGauges out;
  std::lock_guard<std::mutex> hold(mutex_);
  for (const auto& [id, entry] : entries_) {
    // The others are a thread's.
    const bool idle = entry.waits && entry.connection->phase() == Connection::Phase::kIdle;
    ++(idle ? out.idle : out.active);
    if (entry.waits && !idle && now_us - entry.connection->since_us() >= kSlowUs) ++out.slow;
  }
  return out;
}

}  // namespace stateward
