// The connections of a process: which of them wait in the epoll set, and which a thread has.
// Thread-safe.
#ifndef STATEWARD_FCGI_CONNECTIONS_H_
#define STATEWARD_FCGI_CONNECTIONS_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "fcgi/connection.h"
#include "stateward/observer.h"

namespace stateward {

class Connections {
 public:
  // Takes over nothing; `epoll` must outlive it.
  void UseEpoll(int epoll) { epoll_ = epoll; }

  // A new one, which the calling thread has. nullptr: there are `most` already.
  Connection* Add(int fd, bool may_vouch, Memory& memory, size_t most, int64_t now_us);
  // The thread takes the one that epoll named. nullptr: another thread has it, or it is gone.
  Connection* Take(uint64_t id);
  // Gives it back, to wait for its Events(). False: epoll refused, and it was closed.
  // REQUIRES: the calling thread has it.
  bool Park(Connection* connection);
  // Closes it. REQUIRES: the calling thread has it.
  void Close(Connection* connection);

  // Takes those that are due; each is the calling thread's. *reads_away: others may be so soon.
  std::vector<Connection*> TakeDue(int64_t now_us, const ConnectionLimits& limits,
                                   bool* reads_away);
  // Closes the idle ones that wait; with `all`, every one that waits.
  void CloseWaiting(bool all);
  // Closes the one that has waited longest for a request or its head, to make room for another.
  // False: there is none.
  bool CloseLongestIdle();
  size_t Count() const;
  // Without the memory's numbers.
  ConnectionGauges Gauges(int64_t now_us) const;

 private:
  struct Entry {
    std::unique_ptr<Connection> connection;
    bool in_epoll = false;
    bool waits = false;  // in the epoll set, armed; else a thread has it
  };

  int epoll_ = -1;
  mutable std::mutex mutex_;
  uint64_t next_id_ = 16;  // smaller numbers name other things in the epoll set
  std::unordered_map<uint64_t, Entry> entries_;
};

}  // namespace stateward

#endif  // STATEWARD_FCGI_CONNECTIONS_H_
