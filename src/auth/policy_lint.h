// Forms of what a policy holds; and: does a rule let in more people than its author can have meant?
// Pure.
#ifndef STATEWARD_AUTH_POLICY_LINT_H_
#define STATEWARD_AUTH_POLICY_LINT_H_

#include <string>
#include <string_view>
#include <vector>

#include "auth/rules.h"

namespace stateward {

// What an issuer of this URL is, unless the policy says so itself.
CiKind GuessCi(std::string_view url);

// Whether this claim says whose project a token is from, by a number that nobody else gets.
bool IsOwnerClaim(CiKind ci, std::string_view claim);

// What is wrong with a rule for tokens; empty: nothing. A generic rule that names claims which only
// GitHub or GitLab use is held to their measure.
std::vector<std::string> LintTokenRule(const Rule& rule);

// Of a generic rule that is good, and names claims which others than GitHub and GitLab may use,
// too: what to do if the issuer is one of them. "" = it is no such rule.
std::string LikelyKind(const Rule& rule);

// 1 to 128 visible ASCII characters that need no care in TOML, in a header and in the log.
bool IsName(std::string_view name);
// 1 to kMaxPolicyText bytes without control characters.
inline constexpr size_t kMaxPolicyText = 1024;
bool IsPlain(std::string_view text);

// Whether a glob over states is project "/" name, or more parts for nested names, with nothing but
// the letters of names and stars.
bool IsStateGlob(std::string_view glob);

}  // namespace stateward

#endif  // STATEWARD_AUTH_POLICY_LINT_H_
