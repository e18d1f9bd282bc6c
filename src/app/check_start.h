// What a start needs besides settings of the right form: looked at by `--check-config` and by the
// start itself, so that both say the same.
#ifndef STATEWARD_APP_CHECK_START_H_
#define STATEWARD_APP_CHECK_START_H_

#include <string>
#include <vector>

#include "base/log.h"
#include "config/config.h"
#include "fcgi/listen_socket.h"

namespace stateward {

struct StartCheck {
  std::vector<std::string> errors;  // each names its setting; empty: a start goes on
  PeerRules peers;
  std::string ways_in;  // one line for the log
};

// Opens what the settings name as far as that changes nothing and asks no service. `log` gets what
// the policy file says of itself. `strict`: what keeps one issuer of it from working is an error,
// too; a start goes on without this issuer.
StartCheck CheckStart(const Config& config, const Log& log, bool strict);

}  // namespace stateward

#endif  // STATEWARD_APP_CHECK_START_H_
