// GET /metrics on an address of its own. Every worker asks for it; the one that has the lock on a
// file in RUNTIME_DIR serves the sums of all, and when it is gone another one does within five
// seconds. When that one cannot listen there, nobody does, and it says why.
#ifndef STATEWARD_METRICS_LISTENER_H_
#define STATEWARD_METRICS_LISTENER_H_

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/log.h"
#include "stateward/result.h"

namespace stateward {

class MetricsListener {
 public:
  // Is this host:port, :port or [v6]:port with a numeric host? kInvalidArgument.
  static Status CheckAddress(const std::string& address);

  // Starts a thread. `runtime_dir` without such a folder: each asks for the address itself, and
  // does not say when it is taken. `render` must stay callable until this is destroyed.
  MetricsListener(std::string address, const std::string& runtime_dir,
                  std::function<std::string()> render, const Log& log);
  ~MetricsListener();
  MetricsListener(const MetricsListener&) = delete;
  MetricsListener& operator=(const MetricsListener&) = delete;

 private:
  struct Daemon;
  void Loop();
  bool TakeTurn();
  void Serve(int fd);
  void Complain(const Status& why);

  const std::string address_;
  const std::string turn_path_;
  const std::function<std::string()> render_;
  const Log& log_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  int turn_fd_ = -1;       // the lock that one of the workers holds
  std::string complaint_;  // that the log has
  std::unique_ptr<Daemon> daemon_;
  std::thread thread_;
};

}  // namespace stateward

#endif  // STATEWARD_METRICS_LISTENER_H_
