// The files of the store's audit trail, for the operations that read it.
#ifndef STATEWARD_ADMIN_AUDIT_FILES_H_
#define STATEWARD_ADMIN_AUDIT_FILES_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/admin_service.h"
#include "stateward/bytes.h"
#include "stateward/result.h"

namespace stateward {

// The key of the store's trail. As the gate's Store and Kms::Open.
Result<SecretBytes> TrailKey(const AdminService& service);

// `named`, or AUDIT_FILE and the files next to it that logrotate made of it and left as they were,
// the oldest first: by the first line that can be read, since a process may have been killed in the
// middle of the very first. Those without any come before all others: what they hold is for `audit
// verify` to name. kInvalidArgument: one of `named` cannot be read. kNotFound: AUDIT_FILE is not
// set.
Result<std::vector<std::string>> TrailFiles(const AdminService& service, ByteView key,
                                            const std::vector<std::string>& named);

// Each line without its end; `whole` as in audit/line_reader.h. False ends it.
using TrailLineFn = std::function<bool(const std::string& file, std::string_view line, bool whole)>;
// kUnavailable: a file cannot be read. `begin`: told of each file before its lines; may be null.
Status EachTrailLine(const std::vector<std::string>& files,
                     const std::function<void(const std::string& file)>& begin,
                     const TrailLineFn& take);

}  // namespace stateward

#endif  // STATEWARD_ADMIN_AUDIT_FILES_H_
