// Accepts connections and serves requests in one process.
//
//   listen socket ─┐            ┌─► thread 0 ─┐ reads and writes what goes without waiting
//   connections ───┼─► epoll ───┼─► thread 1  ├─► a whole head, or a whole body: Handler thinks
//   timer ─────────┘            └─► thread M ─┘ (at most M at the same time, think_slots.h)
//
// The bytes of all connections are the loop's: every descriptor in the epoll set is one-shot and
// wakes one thread, which moves what is there and puts it back. No thread ever waits for a client.
// A thread thinks only when what it needs has arrived, and one is always left to move bytes.
#ifndef STATEWARD_FCGI_FCGI_LOOP_H_
#define STATEWARD_FCGI_FCGI_LOOP_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "base/log.h"
#include "fcgi/connections.h"
#include "fcgi/listen_socket.h"
#include "fcgi/memory.h"
#include "fcgi/think_slots.h"
#include "stateward/clock.h"
#include "stateward/http.h"
#include "stateward/observer.h"

namespace stateward {

struct FcgiOptions {
  uint32_t threads = 8;  // that think
  uint64_t max_inflight_bytes = 1ULL << 30;
  uint64_t principal_share_percent = 50;
  PeerRules peers;
  ConnectionLimits limits;
  Observer* observer = nullptr;  // must outlive the loop; nullptr: nothing is told
  // Drain: the web server closes kept connections within 4 s (the snippets), so at 5 s we may.
  int drain_s = 5;
  // And a request that is still being served then gets so much longer (systemd waits 90 s).
  int drain_busy_s = 30;
};

class FcgiLoop {
 public:
  // The listening descriptor stays the caller's.
  FcgiLoop(int listen_fd, const FcgiOptions& options, HandlerSource& handlers, const Clock& clock,
           const Log& log);
  ~FcgiLoop();
  FcgiLoop(const FcgiLoop&) = delete;
  FcgiLoop& operator=(const FcgiLoop&) = delete;

  // Starts the threads. REQUIRES: signals are blocked, InitFcgiLibrary gave OK.
  Status Start();
  // Stops accepting (with `backlog`, only when nobody waits any more: nobody else will serve them)
  // and ends when the web server has closed its connections, or after drain_s; a request that is
  // being served is finished, if that takes no longer than drain_busy_s more.
  void BeginDrain(bool backlog);
  // Waits for the threads to end, which they do after BeginDrain.
  void Join();

 private:
  void Run();
  void OnListen(Bytes* scratch);
  void OnTick();
  void GoOn(Connection* connection, Connection::Next next);
  bool Settle(Connection* connection, Connection::Next next);
  void CheckDrained(int64_t now_us);
  void Arm(int fd, uint64_t id, bool add);
  void SetTick(int ms);
  // The next tick comes soon.
  void Hasten();
  void NoteEnd(std::string_view reason);
  void NoteDue(const Connection& connection);
  void TellConnections(int64_t now_us);
  void Warn(std::atomic<bool>* said, const char* text);

  const int listen_fd_;
  const FcgiOptions options_;
  HandlerSource& handlers_;
  const Clock& clock_;
  const Log& log_;
  Memory memory_;
  Connections connections_;
  ThinkSlots slots_;
  size_t most_connections_ = 0;
  int epoll_ = -1;
  int stop_ = -1;   // eventfd: readable when the threads are to end
  int timer_ = -1;  // timerfd
  std::atomic<bool> hastened_{false};
  std::atomic<bool> accepting_{true};
  std::atomic<bool> listener_paused_{false};
  std::atomic<bool> said_full_{false};  // since the last tick
  std::atomic<bool> said_bad_{false};
  std::atomic<bool> said_refused_{false};
  std::atomic<bool> draining_{false};
  std::atomic<int64_t> drain_since_us_{0};
  std::atomic<bool> done_{false};
  std::vector<std::thread> threads_;
};

}  // namespace stateward

#endif  // STATEWARD_FCGI_FCGI_LOOP_H_
