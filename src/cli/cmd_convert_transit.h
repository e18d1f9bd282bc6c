#ifndef STATEWARD_CLI_CMD_CONVERT_TRANSIT_H_
#define STATEWARD_CLI_CMD_CONVERT_TRANSIT_H_

#include <string>
#include <vector>

#include "cli/cli_context.h"

namespace stateward {

inline constexpr char kConvertTransitHelp[] =
    "convert-transit FILE [--in-place]\n"
    "  Turns a state that the original had Transit encrypt (vault:vN:…) into the form of its "
    "local\n"
    "  key, without Vault. KMS_KEY (and KMS_KEYRING) are to hold the keys that were exported from\n"
    "  Transit; the state must open with one of them. Writes to stdout.\n"
    "    --in-place  exchanges the file, and keeps the old one as FILE.backup\n"
    "  Records of Stateward need no conversion: KMS_TRANSIT_EXPORTED opens them (docs/kms.md).\n";

int CmdConvertTransit(const CliContext& cli, const std::vector<std::string>& args);

}  // namespace stateward

#endif  // STATEWARD_CLI_CMD_CONVERT_TRANSIT_H_
