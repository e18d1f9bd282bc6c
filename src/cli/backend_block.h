// What a client needs to be told to reach a state.
#ifndef STATEWARD_CLI_BACKEND_BLOCK_H_
#define STATEWARD_CLI_BACKEND_BLOCK_H_

#include <string>

#include "stateward/state.h"

namespace stateward {

// `site`: where the web server answers for states, "https://HOST/state".
// The block of a configuration.
std::string BackendBlock(const std::string& site, const StateKey& key);
// The same as lines for a shell, for a block that is empty, and who the client is.
std::string BackendEnvironment(const std::string& site, const StateKey& key);

}  // namespace stateward

#endif  // STATEWARD_CLI_BACKEND_BLOCK_H_
