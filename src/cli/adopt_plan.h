// Which states `statewardctl adopt --all` can give to identified users, out of secrets and names.
#ifndef STATEWARD_CLI_ADOPT_PLAN_H_
#define STATEWARD_CLI_ADOPT_PLAN_H_

#include <set>
#include <string>
#include <vector>

#include "app/app.h"
#include "cli/adopt_sources.h"
#include "stateward/authenticator.h"

namespace stateward {

struct AdoptSources {
  std::vector<SecretString> secrets;
  std::set<StateName> given;   // of --names
  std::set<StateName> hinted;  // of logs, the store and the policy: what else may fit
};

struct AdoptPlan {
  std::vector<Grant> ready;          // each for another name of identified users
  std::vector<Grant> ended;          // adopted to the end; a killed run may have left its locks
  std::vector<std::string> refused;  // "PROJECT/NAME: why"
};

// Reads the store and looks at each pair; changes nothing.
Result<AdoptPlan> MakeAdoptPlan(Backends& backends, const std::string& store_id,
                                AdoptSources sources);

// The namespaces' states of this name that were not deleted and whose namespace begins with `from`.
Result<std::vector<Grant>> NamespacesOf(Backends& backends, const std::string& store_id,
                                        const StateName& name, const std::string& from);

// How the original's basic auth reaches a state.
Result<Grant> NamespaceGrant(const SecretString& secret, const StateName& name);
// The original's tokens: without a namespace.
Grant PlainGrant(const StateName& name);

// Enough of a namespace's digest to tell them apart.
std::string NamespaceTag(const std::string& tenant);

}  // namespace stateward

#endif  // STATEWARD_CLI_ADOPT_PLAN_H_
