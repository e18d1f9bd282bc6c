#ifndef STATEWARD_CLI_CMD_REKEY_H_
#define STATEWARD_CLI_CMD_REKEY_H_

#include <string>
#include <vector>

#include "cli/cli_context.h"

namespace stateward {

inline constexpr char kRekeyHelp[] =
    "rekey [--dry-run] [--yes] [--to-env-file FILE]\n"
    "  Seals every version of every state, the kept uploads and the store's secret again, with\n"
    "  the key that seals now, while servers work. States of the original stay as they are.\n"
    "  May be stopped at any moment and run again: what is done is passed over. Give all servers\n"
    "  the new key first (docs/kms.md).\n"
    "    --yes               even if running servers do not know that key: they answer 503 then\n"
    "    --dry-run           only says what there is to do, and what could not be read\n"
    "    --to-env-file FILE  seals with the keys that FILE's settings name (KMS_*, VAULT_*), and\n"
    "                        opens with those of the environment too\n";

int CmdRekey(const CliContext& cli, const std::vector<std::string>& args);

}  // namespace stateward

#endif  // STATEWARD_CLI_CMD_REKEY_H_
