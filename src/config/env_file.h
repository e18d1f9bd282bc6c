// Reads KEY=VALUE files as systemd's EnvironmentFile does: blank lines and lines that begin with
// # or ; are skipped, a value may stand in single or double quotes, nothing is expanded. What
// systemd would read in another way (backslashes, quotes within quotes) is an error.
#ifndef STATEWARD_CONFIG_ENV_FILE_H_
#define STATEWARD_CONFIG_ENV_FILE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "stateward/secret.h"

namespace stateward {

using EnvMap = std::map<std::string, SecretString>;

// Adds what `text` says to *out; a later line wins. Returns what is wrong, a line of text each
// ("line 3: no '='").
std::vector<std::string> ParseEnvText(std::string_view text, EnvMap* out);

}  // namespace stateward

#endif  // STATEWARD_CONFIG_ENV_FILE_H_
