#ifndef STATEWARD_CLI_CMD_QUARANTINE_H_
#define STATEWARD_CLI_CMD_QUARANTINE_H_

#include <string>
#include <vector>

#include "cli/cli_context.h"

namespace stateward {

inline constexpr char kQuarantineHelp[] =
    "quarantine list\n"
    "quarantine show ENTRY\n"
    "quarantine restore ENTRY\n"
    "  The refused uploads that were kept: what, whose, when; the document of one on stdout, to\n"
    "  be looked at or pushed again (tofu state push FILE). restore writes one over what is\n"
    "  stored now, under a lock of its own.\n";

int CmdQuarantine(const CliContext& cli, const std::vector<std::string>& args);

}  // namespace stateward

#endif  // STATEWARD_CLI_CMD_QUARANTINE_H_
