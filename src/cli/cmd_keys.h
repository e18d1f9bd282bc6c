#ifndef STATEWARD_CLI_CMD_KEYS_H_
#define STATEWARD_CLI_CMD_KEYS_H_

#include <string>
#include <vector>

#include "cli/cli_context.h"

namespace stateward {

inline constexpr char kKeysHelp[] =
    "keys [--retired KEY]...\n"
    "  Counts, for each key, what needs it: versions, kept uploads, states of the original that\n"
    "  nobody has written to since, the store's secret. The key that seals now is marked. A key "
    "of\n"
    "  Transit has a line for each version of it.\n"
    "    --retired KEY  fails if anything still needs this key (its id; of Transit ID:vN): only\n"
    "                   when this succeeds may the key be taken away\n";

int CmdKeys(const CliContext& cli, const std::vector<std::string>& args);

}  // namespace stateward

#endif  // STATEWARD_CLI_CMD_KEYS_H_
