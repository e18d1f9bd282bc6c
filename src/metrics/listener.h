// GET /metrics on an address of its own. Every worker asks for the address; the one that gets it
// serves the sums of all, and when it is gone another one has it within five seconds.
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

  // Starts a thread. `render` must stay callable until this is destroyed.
  MetricsListener(std::string address, std::function<std::string()> render, const Log& log);
  ~MetricsListener();
  MetricsListener(const MetricsListener&) = delete;
  MetricsListener& operator=(const MetricsListener&) = delete;

 private:
  struct Daemon;
  void Loop();

  const std::string address_;
  const std::function<std::string()> render_;
  const Log& log_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::unique_ptr<Daemon> daemon_;
  std::thread thread_;
};

}  // namespace stateward

#endif  // STATEWARD_METRICS_LISTENER_H_
