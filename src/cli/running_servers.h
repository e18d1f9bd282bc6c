// Changes to a store that every server on it must be able to follow.
#ifndef STATEWARD_CLI_RUNNING_SERVERS_H_
#define STATEWARD_CLI_RUNNING_SERVERS_H_

#include <string>
#include <vector>

#include "admin/params.h"
#include "cli/cli_context.h"
#include "stateward/status.h"

namespace stateward {

// Says which servers are `silent`. kConflict, with what to do, when some `lack` what they need
// (`what`: "the key …"); with --yes or --dry-run that is only said.
Status CheckServersKnow(const CliContext& cli, const Args& args, const std::string& what,
                        const std::vector<std::string>& lack,
                        const std::vector<std::string>& silent, const std::string& what_to_do);

}  // namespace stateward

#endif  // STATEWARD_CLI_RUNNING_SERVERS_H_
