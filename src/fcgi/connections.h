// The connections of a process that no thread is working on, and how many there are in all.
// Thread-safe.
#ifndef STATEWARD_FCGI_CONNECTIONS_H_
#define STATEWARD_FCGI_CONNECTIONS_H_

#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace stateward {

enum class ConnState : uint8_t {
  kIdle,       // waits for a request, in the epoll set
  kBusy,       // a thread works on it
  kLingering,  // answered and half closed: what still comes is thrown away until the peer closes
};

struct Taken {
  bool ok = false;
  int fd = -1;
  bool lingering = false;
};

class Connections {
 public:
  // The web servers of a host keep some dozens; more is somebody holding them open.
  static constexpr size_t kMax = 4096;

  // Adds a connection in state kBusy and returns its number (never 0); 0: too many.
  uint64_t Add(int fd, int64_t now_us);
  // A thread takes the connection that epoll named. Not ok: it was swept meanwhile.
  Taken Take(uint64_t id, int64_t now_us);
  // Gives it back. REQUIRES: taken or added, and not yet given back or removed.
  void Park(uint64_t id, ConnState state, int64_t now_us);
  // Forgets it; the caller closes the descriptor.
  void Remove(uint64_t id);

  // Removes what has waited too long and returns the descriptors, to be closed.
  std::vector<int> Sweep(int64_t now_us, int64_t idle_us, int64_t linger_us);
  // Descriptors of requests that have gone on for longer than that; they stay where they are.
  std::vector<int> BusyLongerThan(int64_t now_us, int64_t busy_us);
  size_t Count() const;

 private:
  struct Entry {
    int fd;
    ConnState state;
    int64_t since_us;
    bool lingering;
  };
  mutable std::mutex mutex_;
  uint64_t next_id_ = 16;  // smaller numbers name other things in the epoll set
  std::unordered_map<uint64_t, Entry> entries_;
};

}  // namespace stateward

#endif  // STATEWARD_FCGI_CONNECTIONS_H_
