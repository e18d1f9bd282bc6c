// An operation as a command: runs it on the store that the settings name, and prints its reply.
#ifndef STATEWARD_CLI_RUN_OPERATION_H_
#define STATEWARD_CLI_RUN_OPERATION_H_

#include "admin/operation.h"
#include "cli/cli_context.h"

namespace stateward {

// Returns the exit code.
int RunOperationCommand(const CliContext& cli, const Operation& operation, const Args& args);

// Asks at the terminal what operation.asks says. OK: go on. kPermissionDenied: no.
// kInvalidArgument: there is no terminal, and --yes is not given.
Status AskBefore(const CliContext& cli, const Operation& operation, const Args& args);

// What was answered, as text or JSON, and the exit code that comes of it. Also for replies that
// came from a server.
int PrintReply(const CliContext& cli, const Operation& operation, Reply* reply);

}  // namespace stateward

#endif  // STATEWARD_CLI_RUN_OPERATION_H_
