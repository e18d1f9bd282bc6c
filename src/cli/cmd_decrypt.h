#ifndef STATEWARD_CLI_CMD_DECRYPT_H_
#define STATEWARD_CLI_CMD_DECRYPT_H_

#include <string>
#include <vector>

#include "cli/cli_context.h"

namespace stateward {

inline constexpr char kDecryptHelp[] =
    "decrypt FILE [--info] [--store-id ID] [--state-id ID] [--version N] [--legacy]\n"
    "  Opens a record of the fs storage without a server and writes the state to stdout. Needs\n"
    "  the settings of the keys (KMS_*, VAULT_*) as the server has them; without Vault, the key "
    "from\n"
    "  the KV secret in KMS_KEY, or the exported Transit keys in KMS_TRANSIT_EXPORTED. FILE is a\n"
    "  version,\n"
    "  .../states/<aa>/<state id>/<20 digits>, a kept upload in .../uploads/, or a blob of the\n"
    "  original, <id>.tfstate. What the path and the store's marker do not tell, options do:\n"
    "    --store-id ID  32 hex digits, from the marker\n"
    "    --state-id ID  64 hex digits\n"
    "    --version N    0 for a kept upload\n"
    "    --legacy       FILE is a blob of the original, whatever its name\n"
    "    --info         what is sealed beside the state, as a line of JSON on stderr\n";

int CmdDecrypt(const CliContext& cli, const std::vector<std::string>& args);

}  // namespace stateward

#endif  // STATEWARD_CLI_CMD_DECRYPT_H_
