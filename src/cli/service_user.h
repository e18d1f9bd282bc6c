// Who statewardctl is while it works on the store: the user that runs the server, so that nothing
// it makes there is out of the server's reach.
#ifndef STATEWARD_CLI_SERVICE_USER_H_
#define STATEWARD_CLI_SERVICE_USER_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "cli/service_unit.h"
#include "config/config.h"
#include "stateward/result.h"

namespace stateward {

struct ServiceUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;           // "" = it has none
  std::vector<gid_t> groups;  // all of them, `gid` too
};

// The unit's User=, Group= and SupplementaryGroups=; without a user root.
Result<ServiceUser> UserOfUnit(const ServiceUnit& unit);
// By its name or number, with the groups that the system gives it.
Result<ServiceUser> UserOfName(const std::string& name);
// Whom the server's folders of these settings belong to: store, local locks, RUNTIME_DIR, the first
// that exists. kNotFound: none of them does.
Result<ServiceUser> UserOfFolders(const Config& config);

// Groups, gid and uid, all of them and for good; checked. No core files, no debugger, files for the
// owner alone. Nothing is changed when it is this user already.
Status Become(const ServiceUser& user);

// kPermissionDenied: the store's folder, or that of local locks, is another user's.
Status CheckFolders(const Config& config);

}  // namespace stateward

#endif  // STATEWARD_CLI_SERVICE_USER_H_
