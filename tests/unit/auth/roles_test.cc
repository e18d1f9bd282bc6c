// Roles and rights: what each may do, in a table.
#include "auth/roles.h"

#include <string>
#include <utility>

#include "CppUTest/TestHarness.h"

namespace stateward {

TEST_GROUP(Roles){};

TEST(Roles, RolesAndVerbs) {
  const Verb order[] = {Verb::kOutputs, Verb::kRead,   Verb::kLock,       Verb::kUnlock,
                        Verb::kWrite,   Verb::kDelete, Verb::kForceUnlock};
  // Each may what comes before, too: all but the operator.
  const std::pair<Rights, size_t> may[] = {{Rights(), 0},  {kRoleOutputs, 1}, {kRoleRead, 2},
                                           {kRolePlan, 4}, {kRoleWrite, 5},   {kRoleAdmin, 7}};
  for (const auto& [role, count] : may) {
    for (size_t i = 0; i < 7; ++i) CHECK_EQUAL(i < count, Allows(role, order[i]));
  }
  for (Verb verb : order) {
    bool unlocks = verb == Verb::kUnlock || verb == Verb::kForceUnlock;
    CHECK_EQUAL(unlocks, Allows(kRoleOperator, verb));
  }
}

TEST(Roles, Sets) {
  constexpr Rights kSome{Right::kSee, Right::kForce};
  static_assert(kSome.Has(Right::kForce) && !kSome.Has(Right::kRead));
  static_assert(Rights().Empty() && !kSome.Empty());
  static_assert(Rights::All().Contains(kSome) && !kSome.Contains(Rights::All()));
  static_assert(kSome.Contains(Rights()) && !Rights().Contains(kSome));
  static_assert(kSome.Union({Right::kRead}) == Rights{Right::kSee, Right::kForce, Right::kRead});
  static_assert(kSome != Rights::All());
  CHECK(Rights::All() ==
        Rights({Right::kSee, Right::kOutputs, Right::kRead, Right::kLock, Right::kWrite,
                Right::kForce, Right::kDelete, Right::kAdminister}));
}

TEST(Roles, EachIsFoundAndSaid) {
  const std::pair<const char*, Rights> roles[] = {
      {"outputs", kRoleOutputs}, {"read", kRoleRead},         {"plan", kRolePlan},
      {"write", kRoleWrite},     {"operator", kRoleOperator}, {"admin", kRoleAdmin}};
  std::string names;
  for (const auto& [name, rights] : roles) {
    const Rights* found = FindRole(name);
    CHECK_TEXT(found != nullptr && *found == rights, name);
    STRCMP_EQUAL(name, DescribeRights(rights).c_str());
    CHECK_TEXT(RoleNames().find(name) != std::string::npos, name);
  }
  POINTERS_EQUAL(nullptr, FindRole("none"));
  POINTERS_EQUAL(nullptr, FindRole("Admin"));
  STRCMP_EQUAL("none", DescribeRights(Rights()).c_str());
  STRCMP_EQUAL("read+operator", DescribeRights(kRoleRead.Union(kRoleOperator)).c_str());
  STRCMP_EQUAL("operator, outputs, read, plan, write or admin", RoleNames().c_str());
}

}  // namespace stateward
