#ifndef STATEWARD_CLI_CMD_PRUNE_H_
#define STATEWARD_CLI_CMD_PRUNE_H_

#include <string>
#include <vector>

#include "cli/cli_context.h"

namespace stateward {

inline constexpr char kPruneHelp[] =
    "prune [--dry-run]\n"
    "  Removes now what HISTORY_KEEP, HISTORY_DAYS, KEPT_UPLOADS_DAYS and KEPT_UPLOADS_MAX_BYTES "
    "do "
    "not\n"
    "  keep, of all states and refused uploads. Servers do it once an hour.\n"
    "    --dry-run  only counts\n";

int CmdPrune(const CliContext& cli, const std::vector<std::string>& args);

}  // namespace stateward

#endif  // STATEWARD_CLI_CMD_PRUNE_H_
