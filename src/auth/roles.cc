#include "auth/roles.h"

#include <iterator>

namespace stateward {
namespace {

struct Role {
  std::string_view name;
  Rights rights;
};

// The largest first: DescribeRights takes them in this order.
constexpr Role kRoles[] = {
    {"admin", kRoleAdmin}, {"write", kRoleWrite},     {"plan", kRolePlan},
    {"read", kRoleRead},   {"outputs", kRoleOutputs}, {"operator", kRoleOperator},
};

}  // namespace

const Rights* FindRole(std::string_view name) {
  for (const Role& role : kRoles) {
    if (role.name == name) return &role.rights;
  }
  return nullptr;
}

std::string RoleNames() {
  std::string names;
  for (size_t left = std::size(kRoles); left > 0; --left) {
    if (!names.empty()) names += left == 1 ? " or " : ", ";
    names += kRoles[left - 1].name;
  }
  return names;
}

std::string DescribeRights(Rights rights) {
  std::string names;
  Rights named;
  for (const Role& role : kRoles) {
    if (!rights.Contains(role.rights) || named.Contains(role.rights)) continue;
    named = named.Union(role.rights);
    if (!names.empty()) names += "+";
    names += role.name;
  }
  return names.empty() ? "none" : names;
}

bool Allows(Rights rights, Verb verb) {
  switch (verb) {
    case Verb::kOutputs:
      return rights.Has(Right::kOutputs);
    case Verb::kRead:
      return rights.Has(Right::kRead);
    case Verb::kLock:
      return rights.Has(Right::kLock);
    // Whose lock it is decides what may be released (state/lock_rights.h).
    case Verb::kUnlock:
      return rights.Has(Right::kLock) || rights.Has(Right::kForce);
    case Verb::kWrite:
      return rights.Has(Right::kWrite);
    case Verb::kDelete:
      return rights.Has(Right::kDelete);
    case Verb::kForceUnlock:
      return rights.Has(Right::kForce);
  }
  return false;
}

}  // namespace stateward
