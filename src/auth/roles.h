// The roles of a policy: names for sets of rights. Pure.
#ifndef STATEWARD_AUTH_ROLES_H_
#define STATEWARD_AUTH_ROLES_H_

#include <string>
#include <string_view>

#include "stateward/authenticator.h"
#include "stateward/rights.h"

namespace stateward {

inline constexpr Rights kRoleOutputs{Right::kSee, Right::kOutputs};
inline constexpr Rights kRoleRead = kRoleOutputs.Union({Right::kRead});
inline constexpr Rights kRolePlan = kRoleRead.Union({Right::kLock});
inline constexpr Rights kRoleWrite = kRolePlan.Union({Right::kWrite});
// Lists and unlocks; reads no state, and takes no lock.
inline constexpr Rights kRoleOperator{Right::kSee, Right::kForce};
inline constexpr Rights kRoleAdmin = Rights::All();

// nullptr when there is no role of that name.
const Rights* FindRole(std::string_view name);
// "operator, outputs, read, plan, write or admin": for messages.
std::string RoleNames();
// The name of the role that has these rights; of a union the names of the fewest roles that give
// them, with "+" between; "none".
std::string DescribeRights(Rights rights);

bool Allows(Rights rights, Verb verb);

}  // namespace stateward

#endif  // STATEWARD_AUTH_ROLES_H_
