// An operation as a command on another host's server: --server.
#ifndef STATEWARD_CLI_RUN_REMOTE_H_
#define STATEWARD_CLI_RUN_REMOTE_H_

#include <string>

#include "admin/operation.h"
#include "cli/cli_context.h"

namespace stateward {

struct RemoteOptions {
  std::string url;
  std::string ca_file;      // PEM; "" = the system's
  std::string credentials;  // a file; "" = of the environment
};

// Asks, prints and exits as RunOperationCommand does. Returns the exit code.
int RunRemoteCommand(const CliContext& cli, const RemoteOptions& options,
                     const Operation& operation, const Args& args);

}  // namespace stateward

#endif  // STATEWARD_CLI_RUN_REMOTE_H_
