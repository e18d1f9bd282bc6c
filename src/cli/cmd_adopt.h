#ifndef STATEWARD_CLI_CMD_ADOPT_H_
#define STATEWARD_CLI_CMD_ADOPT_H_

#include <string>
#include <vector>

#include "cli/cli_context.h"

namespace stateward {

inline constexpr char kAdoptHelp[] =
    "adopt PROJECT NAME [--from NAMESPACE]\n"
    "  Gives a state that was stored with basic auth to identified users: its newest document\n"
    "  becomes theirs, and the old namespace is told so. May be repeated.\n"
    "    --from   which one, when several secrets have a state of this name (they are listed)\n";

int CmdAdopt(const CliContext& cli, const std::vector<std::string>& args);

}  // namespace stateward

#endif  // STATEWARD_CLI_CMD_ADOPT_H_
