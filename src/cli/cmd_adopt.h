#ifndef STATEWARD_CLI_CMD_ADOPT_H_
#define STATEWARD_CLI_CMD_ADOPT_H_

#include <string>
#include <vector>

#include "cli/cli_context.h"

namespace stateward {

inline constexpr char kAdoptHelp[] =
    "adopt PROJECT NAME [--from NAMESPACE] [--dry-run]\n"
    "  Gives a state that was stored with basic auth to identified users, with its history; the "
    "old\n"
    "  namespace is told so. May be repeated, also after it was killed.\n"
    "    --from   which one, when several secrets have a state of this name (they are listed)\n"
    "adopt --all [--secrets FILE] [--names FILE] [--names-from-log FILE]... [--dry-run]\n"
    "  The same for every state of these secrets, and for the original's blobs that a secret and "
    "a\n"
    "  name explain. Names that the store or the policy knows are tried, too. Says in the end how\n"
    "  many blobs nothing explains.\n"
    "    --secrets FILE         a secret a line; mode 0600\n"
    "    --names FILE           PROJECT/NAME a line; mode 0600\n"
    "    --names-from-log FILE  takes names from an access log of nginx or Apache\n"
    "    --dry-run              only says what would be done\n"
    "adopt --done\n"
    "  Says that the blobs which are left are nobody's here: absent names are 404 again. For "
    "ever.\n";

int CmdAdopt(const CliContext& cli, const std::vector<std::string>& args);

}  // namespace stateward

#endif  // STATEWARD_CLI_CMD_ADOPT_H_
