#ifndef STATEWARD_CLI_CMD_DROP_NAME_H_
#define STATEWARD_CLI_CMD_DROP_NAME_H_

#include <string>
#include <vector>

#include "cli/cli_context.h"

namespace stateward {

inline constexpr char kDropNameHelp[] =
    "drop-name PROJECT NAME [--yes]\n"
    "  Shows which states of basic auth keep identified users from a name (their requests are\n"
    "  answered 409); with --yes, frees the name. Those states stay readable under their secrets,\n"
    "  and never hold the name again. To hand such a state over, use adopt instead.\n";

int CmdDropName(const CliContext& cli, const std::vector<std::string>& args);

}  // namespace stateward

#endif  // STATEWARD_CLI_CMD_DROP_NAME_H_
