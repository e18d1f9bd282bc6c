// Which version of Stateward this is: `--version`, and what a server says of itself.
#ifndef STATEWARD_BASE_VERSION_H_
#define STATEWARD_BASE_VERSION_H_

#include <string_view>

namespace stateward {

inline constexpr std::string_view kStatewardVersion = "0.1.0";

}  // namespace stateward

#endif  // STATEWARD_BASE_VERSION_H_
