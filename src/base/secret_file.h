// Files that hold secrets: read whole, into memory that is wiped, and only when nobody else may
// read or change them. One rule for all of them:
//   - a regular file (symbolic links are followed: Kubernetes hands secrets out by them);
//   - it belongs to this process' user or to root (a process of root's reads anybody's);
//   - other users may neither read nor write it;
//   - its group may not write it, and may read it only when root owns it: then the group can be the
//     only way to us (systemd, Kubernetes).
#ifndef STATEWARD_BASE_SECRET_FILE_H_
#define STATEWARD_BASE_SECRET_FILE_H_

#include <cstddef>
#include <string>

#include "stateward/bytes.h"
#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

// A ring of some hundred keys fits, and any token; nothing that we read is larger.
inline constexpr size_t kMaxSecretFile = size_t{64} * 1024;

// What changes whenever the file does, or another takes its place; "" = it cannot be looked at.
std::string FileStamp(const std::string& path);

// A file of at most `limit` bytes whose rights do not matter. kUnavailable: cannot be read.
// kTooLarge. *stamp, if given, is that of the file that was read.
Result<SecretBytes> ReadSmallFile(const std::string& path, size_t limit,
                                  std::string* stamp = nullptr);
// The same under the rule above. kPermissionDenied: it breaks the rule; the text says how to mend
// it.
Result<SecretBytes> ReadSecretBytes(const std::string& path, size_t limit,
                                    std::string* stamp = nullptr);
// A text of at most kMaxSecretFile bytes; one line end after it is cut off.
Result<SecretString> ReadSecretFile(const std::string& path, std::string* stamp = nullptr);
// Only looks. OK also when there is no such file: it may come later.
Status CheckSecretFile(const std::string& path);

}  // namespace stateward

#endif  // STATEWARD_BASE_SECRET_FILE_H_
