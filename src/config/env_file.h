// Reads KEY=VALUE files as systemd's EnvironmentFile does: blank lines and lines that begin with
// # or ; are skipped, a value may stand in single or double quotes, nothing is expanded.
#ifndef STATEWARD_CONFIG_ENV_FILE_H_
#define STATEWARD_CONFIG_ENV_FILE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

using EnvMap = std::map<std::string, SecretString>;

// Adds what `text` says to *out; a later line wins. Returns what is wrong, a line of text each
// ("line 3: no '='").
std::vector<std::string> ParseEnvText(std::string_view text, EnvMap* out);

// A whole file of at most `limit` bytes. kUnavailable: cannot be read. kTooLarge.
Result<SecretBytes> ReadSmallFile(const std::string& path, size_t limit);
// Who besides its owner may read a secret's file.
enum class FileAccess : uint8_t {
  kOwnerOnly,     // nobody; of a file of root's also its group, since we are not root
  kGroupMayRead,  // its group
};
// The same for a secret: kPermissionDenied when others may read it or write to it.
// One line end after the text is cut off.
Result<SecretString> ReadSecretFile(const std::string& path,
                                    FileAccess access = FileAccess::kGroupMayRead);

}  // namespace stateward

#endif  // STATEWARD_CONFIG_ENV_FILE_H_
