// The names that make a state's address.
#ifndef STATEWARD_BASE_STATE_NAME_H_
#define STATEWARD_BASE_STATE_NAME_H_

#include <string_view>

namespace stateward {

// 1 to 128 bytes of A-Za-z0-9._~-, not "." or "..".
bool IsStateName(std::string_view name);

// "project/name" in its two parts; false when it is no address of a state.
bool SplitStateName(std::string_view text, std::string_view* project, std::string_view* name);

}  // namespace stateward

#endif  // STATEWARD_BASE_STATE_NAME_H_
