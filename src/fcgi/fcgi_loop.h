// Accepts connections and serves requests in one process.
//
//            listen socket ─┐            ┌─► thread 1 ─► libfcgi ─► Handler
//   idle connections ───────┼─► epoll ───┼─► thread 2 ─► …
//   lingering connections ──┘            └─► thread M
//
// Every descriptor in the epoll set is one-shot: it wakes one thread, which owns it until it puts
// it back. A connection that is idle, silent or being closed holds no thread.
#ifndef STATEWARD_FCGI_FCGI_LOOP_H_
#define STATEWARD_FCGI_FCGI_LOOP_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "base/log.h"
#include "fcgi/budget.h"
#include "fcgi/connections.h"
#include "fcgi/listen_socket.h"
#include "stateward/clock.h"
#include "stateward/http.h"

namespace stateward {

// What a reload exchanges between two requests. Thread-safe.
class HandlerSource {
 public:
  virtual ~HandlerSource() = default;
  virtual std::shared_ptr<Handler> Current() = 0;
};

struct FcgiOptions {
  uint32_t threads = 8;
  uint64_t max_inflight_bytes = 1ULL << 30;
  PeerRules peers;
  // Silence within a request. nginx gives up on a client after 60 s of it by default.
  int io_timeout_s = 60;
  // Beyond nginx's and Apache's own limits for idle connections (the snippets: 3 s).
  int idle_s = 75;
  // A whole request: 1 GiB at 10 Mbit/s is 14 minutes.
  int request_s = 15 * 60;
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

  // Starts the threads. REQUIRES: signals are blocked, InitFcgiLibrary was called.
  Status Start();
  // Stops accepting (with `backlog`, only when nobody waits any more: nobody else will serve them)
  // and ends when the web server has closed its connections, or after drain_s; a request that is
  // being served is finished, if that takes no longer than drain_busy_s more.
  void BeginDrain(bool backlog);
  // Waits for the threads to end, which they do after BeginDrain.
  void Join();

 private:
  // kGone: libfcgi closed the descriptor; its number may be another connection's by now.
  enum class After : uint8_t { kKeep, kLinger, kClose, kGone };

  void Run();
  void OnListen();
  void OnTick();
  void OnConnection(uint64_t id);
  After Serve(int fd);
  bool WaitForHead(int fd, bool* keep);
  void Linger(uint64_t id, int fd);
  void Park(uint64_t id, int fd, ConnState state);
  void Close(uint64_t id, int fd);
  void CheckDrained(int64_t now_us);
  void Arm(int fd, uint64_t id, bool add);
  void SetTick(int ms);

  const int listen_fd_;
  const FcgiOptions options_;
  HandlerSource& handlers_;
  const Clock& clock_;
  const Log& log_;
  ByteBudget budget_;
  Connections connections_;
  int epoll_ = -1;
  int stop_ = -1;   // eventfd: readable when the threads are to end
  int timer_ = -1;  // timerfd
  std::atomic<bool> accepting_{true};
  std::atomic<bool> listener_paused_{false};
  std::atomic<bool> draining_{false};
  std::atomic<int64_t> drain_since_us_{0};
  std::atomic<bool> done_{false};
  std::vector<std::thread> threads_;
};

}  // namespace stateward

#endif  // STATEWARD_FCGI_FCGI_LOOP_H_
