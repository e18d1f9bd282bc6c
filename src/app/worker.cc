#include "app/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <mutex>
#include <utility>

#include "fcgi/libfcgi_bridge.h"

namespace stateward {
namespace {

class SwappableHandler : public HandlerSource {
 public:
  explicit SwappableHandler(std::shared_ptr<Handler> first) : handler_(std::move(first)) {}
  std::shared_ptr<Handler> Current() override {
    std::lock_guard<std::mutex> hold(mutex_);
    return handler_;
  }
  void Swap(std::shared_ptr<Handler> next) {
    // The old one may be destroyed here, outside of the lock, or by the last request that uses it.
    {
      std::lock_guard<std::mutex> hold(mutex_);
      handler_.swap(next);
    }
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<Handler> handler_;
};

sigset_t WorkerSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGUSR1, SIGHUP, SIGUSR2, kOrphaned}) sigaddset(&set, signal);
  return set;
}

// Accepting what waits takes far less.
constexpr int kLetGoTries = 50;
constexpr unsigned kLetGoPauseUs = 20000;

// Once every worker has done so, nobody answers at the socket's address, and a successor takes it
// without waiting for the requests that still run here. What waits there is accepted first.
void LetGo(int listen_fd) {
  pollfd waiting{listen_fd, POLLIN, 0};
  for (int i = 0; i < kLetGoTries && poll(&waiting, 1, 0) > 0; ++i) usleep(kLetGoPauseUs);
  // The number stays taken: the loop may still use it.
  const int silent = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (silent < 0) return;
  dup3(silent, listen_fd, O_CLOEXEC);
  close(silent);
}

}  // namespace

void BlockWorkerSignals() {
  sigset_t set = WorkerSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

int RunWorker(int listen_fd, const FcgiOptions& options, const BuildHandler& build,
              const InForce& in_force, const Log& log) {
  Result<std::shared_ptr<Handler>> first = build();
  if (!first.ok()) {
    log.Error(first.status().detail());
    return 1;
  }
  Status library = InitFcgiLibrary();
  if (!library.ok()) {
    log.Error(library.detail());
    return 1;
  }
  SwappableHandler handlers(std::move(*first));
  FcgiLoop loop(listen_fd, options, handlers, SystemClock(), log);
  Status started = loop.Start();
  if (!started.ok()) {
    log.Error(started.detail());
    return 1;
  }
  in_force(true);
  sigset_t set = WorkerSignals();
  for (;;) {
    int signal = 0;
    if (sigwait(&set, &signal) != 0) continue;
    if (signal != SIGHUP && signal != SIGUSR2) {
      loop.BeginDrain(signal == SIGINT || signal == kOrphaned);
      if (signal == kOrphaned) LetGo(listen_fd);
      break;
    }
    Result<std::shared_ptr<Handler>> next = build();
    const bool taken = next.ok();
    if (taken) {
      handlers.Swap(std::move(*next));
      log.Info("settings were read again");
    } else {
      log.Error("reload failed, the old settings stay: " + next.status().detail());
    }
    in_force(taken);
  }
  loop.Join();
  return 0;
}

}  // namespace stateward
