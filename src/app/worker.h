// One serving process: signals, threads, reload, drain.
#ifndef STATEWARD_APP_WORKER_H_
#define STATEWARD_APP_WORKER_H_

#include <csignal>
#include <functional>
#include <memory>

#include "base/log.h"
#include "fcgi/fcgi_loop.h"
#include "stateward/result.h"

namespace stateward {

// Makes the handler from the settings as they are now. Called at start and for each reload.
using BuildHandler = std::function<Result<std::shared_ptr<Handler>>()>;

// Called with true when requests are answered, and after each reload with whether it took the new
// settings.
using InForce = std::function<void(bool taken)>;

// Tells a worker that its supervisor was killed.
inline constexpr int kOrphaned = SIGQUIT;

// Blocks the signals that RunWorker waits for. Call it before the first thread exists.
void BlockWorkerSignals();

// Serves until it is told to end; returns the exit code. TERM and USR1 (multiwatch's own graceful
// signal) drain, and leave the listening socket to others. INT drains it too: the supervisor sends
// it when nobody else is left. kOrphaned does the same and then lets go of the socket for a
// successor. HUP and USR2 call `build` again; when that fails the old handler
// stays, and the reason is logged.
// REQUIRES: BlockWorkerSignals() was called; no other thread exists.
int RunWorker(int listen_fd, const FcgiOptions& options, const BuildHandler& build,
              const InForce& in_force, const Log& log);

}  // namespace stateward

#endif  // STATEWARD_APP_WORKER_H_
