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
  // Each for another name of identified users. Not legacy_ambiguous: where a blob may be another
  // state's, its name was given.
  std::vector<Grant> ready;
  // Adopted to the end; a killed run may have left its locks, and uploads may have been kept since.
  std::vector<Grant> ended;
  std::vector<std::string> refused;  // "PROJECT/NAME: why"
};

// Reads the store and looks at each pair; changes nothing.
Result<AdoptPlan> MakeAdoptPlan(Backends& backends, const std::string& store_id,
                                AdoptSources sources);

struct NamespacesStates {
  std::vector<Grant> live;
  std::vector<Grant> adopted;  // to the end
};
// The namespaces' states of this name whose namespace begins with `from`.
Result<NamespacesStates> NamespacesOf(Backends& backends, const std::string& store_id,
                                      const StateName& name, const std::string& from);

// How the original's basic auth reaches a state.
Result<Grant> NamespaceGrant(const SecretString& secret, const StateName& name);
// The original's tokens: without a namespace.
Grant PlainGrant(const StateName& name);

// Enough of a namespace's digest to tell them apart.
std::string NamespaceTag(const std::string& tenant);

}  // namespace stateward

#endif  // STATEWARD_CLI_ADOPT_PLAN_H_
