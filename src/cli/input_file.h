// Whole files of the command line.
#ifndef STATEWARD_CLI_INPUT_FILE_H_
#define STATEWARD_CLI_INPUT_FILE_H_

#include <string>

#include "cli/cli_context.h"
#include "stateward/bytes.h"
#include "stateward/result.h"

namespace stateward {

enum class InputRights : uint8_t {
  kAny,
  kOwnerOnly,  // of secrets: others may neither read nor write it
};

// A file of at most 64 MiB: a million lines. kInvalidArgument: it cannot be
// opened, or others may read it; the text says how to mend it.
Result<SecretBytes> ReadInput(const CliContext& cli, const std::string& path, InputRights rights);

}  // namespace stateward

#endif  // STATEWARD_CLI_INPUT_FILE_H_
