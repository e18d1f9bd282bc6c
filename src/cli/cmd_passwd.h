#ifndef STATEWARD_CLI_CMD_PASSWD_H_
#define STATEWARD_CLI_CMD_PASSWD_H_

#include <string>
#include <vector>

#include "cli/cli_context.h"

namespace stateward {

inline constexpr char kPasswdHelp[] =
    "passwd NAME\n"
    "  Asks for a password (twice at a terminal, without showing it; else one line of the "
    "standard\n"
    "  input) and prints the user's lines for the policy file.\n";

inline constexpr char kTokenHelp[] =
    "token NAME\n"
    "  Makes a machine token. The token itself is printed once, on the standard error; its lines "
    "for\n"
    "  the policy file, which hold only a digest, on the standard output.\n";

int CmdPasswd(const CliContext& cli, const std::vector<std::string>& args);
int CmdToken(const CliContext& cli, const std::vector<std::string>& args);

}  // namespace stateward

#endif  // STATEWARD_CLI_CMD_PASSWD_H_
