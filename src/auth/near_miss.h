// Why a token is not allowed something: which rule would allow it, and by which claims it does not.
// Pure; thread-safe.
#ifndef STATEWARD_AUTH_NEAR_MISS_H_
#define STATEWARD_AUTH_NEAR_MISS_H_

#include <string>
#include <string_view>
#include <vector>

#include "auth/rules.h"
#include "stateward/authenticator.h"

namespace stateward {

// For the eyes of the subject: 'rule "NAME" would allow it, but the token has no claim A, and its
// claim B is another'. Of several such rules the first that lacks the fewest claims. "" when there
// is none, and for strangers, who learn nothing of the rules: a rule is named only to a subject
// that some rule lets in to this state, or whose token is of the project or owner that the rule
// names.
std::string DescribeNearMiss(const std::vector<Rule>& rules, const Subject& subject,
                             std::string_view project, std::string_view name, Verb verb);

}  // namespace stateward

#endif  // STATEWARD_AUTH_NEAR_MISS_H_
