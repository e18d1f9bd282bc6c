// Where states have their addresses, and which names they may have.
#ifndef STATEWARD_BASE_ADDRESS_RULES_H_
#define STATEWARD_BASE_ADDRESS_RULES_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "stateward/result.h"

namespace stateward {

struct AddressRules {
  std::vector<std::string> base{"state"};  // BASE_PATH, its segments; at least one
  bool nested = false;                     // NESTED_NAMES

  // Whether a state may have this name.
  bool Takes(std::string_view name) const;
};

// The segments of "/terraform/state". kInvalidArgument: no such path, or one that another route
// has, or more than kMaxBaseSegments.
inline constexpr size_t kMaxBaseSegments = 4;  // more than any site needs
Result<std::vector<std::string>> ParseBasePath(std::string_view path);

}  // namespace stateward

#endif  // STATEWARD_BASE_ADDRESS_RULES_H_
