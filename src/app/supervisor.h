// Keeps WORKERS processes running on one socket.
#ifndef STATEWARD_APP_SUPERVISOR_H_
#define STATEWARD_APP_SUPERVISOR_H_

#include <cstdint>
#include <functional>
#include <string>

#include "app/start_notice.h"
#include "app/worker.h"
#include "base/log.h"

namespace stateward {

struct SupervisorOptions {
  uint32_t workers = 2;
  std::string unix_path;  // removed at the end, so that nobody connects to a socket without workers
};

using WorkFn = std::function<int(const InForce&, uint32_t number)>;

struct ReloadFns {
  // Reads the settings, beside those in force. False: a start with them would fail.
  std::function<bool()> read;
  // What was read last is in force from now on: for workers that start later.
  std::function<void()> take;
};

// Forks the workers, replaces one that ends, passes HUP and USR2 on, and ends them on TERM or INT.
// `work` runs in each worker, calls what it is given as RunWorker() says, and returns its exit
// code. Its number is below `workers`; one that replaces another has the same. `reload.read` is
// called before HUP or USR2 is passed on, `reload.take` when a worker has taken the new settings:
// only the workers ask the services, so only they know whether the keys open the store. A worker
// that began with older settings is told of the new ones as soon as it serves. `notice`
// hears Ready() when the first worker serves, and again when each worker that was told of a reload
// has ended it. Returns this process's exit code; in a worker it returns what `work` returned.
// REQUIRES: BlockWorkerSignals() was called; no thread exists.
int RunSupervisor(const SupervisorOptions& options, const WorkFn& work, const ReloadFns& reload,
                  const StartNotice& notice, const Log& log);

}  // namespace stateward

#endif  // STATEWARD_APP_SUPERVISOR_H_
