// One serving process from its settings: metrics, handler, worker.
#ifndef STATEWARD_APP_SERVE_H_
#define STATEWARD_APP_SERVE_H_

#include <optional>
#include <string>

#include "app/worker.h"
#include "base/log.h"
#include "config/config.h"
#include "fcgi/listen_socket.h"

namespace stateward {

struct ServeSettings {
  Config config;
  PeerRules peers;
  EnvMap environment;    // as the process was started; a reload reads only the env file again
  std::string env_file;  // "" = none
  // What a start finds missing is the same for all workers: the first one logs it.
  bool says_what_is_missing = true;
  std::optional<Config> read;  // by ReadAgain, last
};

// Reads the settings again into settings->read, and asks no service. False, and the log says why: a
// start with them would fail.
bool ReadAgain(ServeSettings* settings, const Log& log);

// Serves on `listen_fd` until it is told to end; returns the exit code (app/worker.h).
int Serve(int listen_fd, const ServeSettings& settings, const InForce& in_force, Log& log);

}  // namespace stateward

#endif  // STATEWARD_APP_SERVE_H_
