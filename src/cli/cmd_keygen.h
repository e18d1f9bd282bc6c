#ifndef STATEWARD_CLI_CMD_KEYGEN_H_
#define STATEWARD_CLI_CMD_KEYGEN_H_

#include <string>
#include <vector>

#include "cli/cli_context.h"

namespace stateward {

inline constexpr char kKeygenHelp[] =
    "keygen\n"
    "  Prints a fresh key for KMS_KEY: 32 random bytes in base64. It is stored nowhere.\n";

int CmdKeygen(const CliContext& cli, const std::vector<std::string>& args);

}  // namespace stateward

#endif  // STATEWARD_CLI_CMD_KEYGEN_H_
