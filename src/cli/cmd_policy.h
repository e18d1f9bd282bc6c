#ifndef STATEWARD_CLI_CMD_POLICY_H_
#define STATEWARD_CLI_CMD_POLICY_H_

#include <string>
#include <vector>

#include "cli/cli_context.h"

namespace stateward {

inline constexpr char kPolicyHelp[] =
    "policy check [FILE]\n"
    "  Says what is wrong with a policy file (AUTH_POLICY_FILE), with line and column.\n"
    "policy test [--policy FILE] [--at TIME] WHO METHOD PROJECT/NAME\n"
    "  What would be decided, and by which rule. METHOD: GET, POST, LOCK, UNLOCK, DELETE, "
    "OUTPUTS.\n"
    "  WHO is one of\n"
    "    --claims FILE          a token's claims as JSON: issuer, audience and times count, too;\n"
    "                           --at looks at another time than now, 2027-01-31T00:00:00Z\n"
    "    --user NAME            --token NAME\n"
    "    --proxy-user NAME      --certificate SUBJECT\n";

int CmdPolicy(const CliContext& cli, const std::vector<std::string>& args);

}  // namespace stateward

#endif  // STATEWARD_CLI_CMD_POLICY_H_
