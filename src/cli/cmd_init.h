#ifndef STATEWARD_CLI_CMD_INIT_H_
#define STATEWARD_CLI_CMD_INIT_H_

#include <string>
#include <vector>

#include "cli/cli_context.h"

namespace stateward {

inline constexpr char kInitHelp[] =
    "init [--locks]\n"
    "  Makes the store's marker in a place that is empty or holds nothing but the original's "
    "data.\n"
    "    --locks   gives the store to the lock service of these settings; stop every server of\n"
    "              the old one first\n";

int CmdInit(const CliContext& cli, const std::vector<std::string>& args);

}  // namespace stateward

#endif  // STATEWARD_CLI_CMD_INIT_H_
