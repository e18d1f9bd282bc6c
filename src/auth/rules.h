// Who may do what with which state: the evaluator of a policy's rules. Pure; thread-safe.
//
// Rules only ever add: what no rule allows is refused, and of several rules that fit, each adds its
// rights.
#ifndef STATEWARD_AUTH_RULES_H_
#define STATEWARD_AUTH_RULES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "stateward/rights.h"

namespace stateward {

// How somebody proved who they are.
enum class SubjectKind : uint8_t { kIssuer, kUser, kToken, kCertificate, kProxyUser };

struct Subject {
  SubjectKind kind = SubjectKind::kUser;
  std::string name;                    // of a JSON Web Token, its issuer's URL
  const JsonObject* claims = nullptr;  // of a JSON Web Token, not owned; else nullptr
};

// Whose tokens an issuer makes. Its rules are then read with more care.
enum class CiKind : uint8_t { kGeneric, kGitHub, kGitLab };

struct ClaimPattern {
  enum class Kind : uint8_t { kExact, kGlob, kNumber, kBool };
  Kind kind = Kind::kExact;
  std::string text;     // kExact, kGlob
  uint64_t number = 0;  // kNumber
  bool flag = false;    // kBool
};

// Of a claim that is a list of texts, one element has to fit.
struct ClaimRule {
  std::string claim;
  std::vector<ClaimPattern> any_of;
};

struct Rule {
  std::string name;  // for people; not empty
  SubjectKind who = SubjectKind::kUser;
  std::vector<std::string> names;  // any of these
  CiKind ci = CiKind::kGeneric;
  std::vector<ClaimRule> claims;    // all of these; only with kIssuer
  std::vector<std::string> states;  // any of these: base/glob.h, over project "/" name
  Rights rights;
  bool sensitive = false;  // the outputs that are marked sensitive, too
};

struct Decision {
  Rights rights;
  bool sensitive = false;
  // The first ones that give the rights: one, unless none of them has all. Point into `rules`.
  std::vector<const Rule*> rules;
};

Decision Decide(const std::vector<Rule>& rules, const Subject& subject, std::string_view project,
                std::string_view name);

// What they allow with each state that there is or will be; `nested`: names may have slashes.
Rights DecideStore(const std::vector<Rule>& rules, const Subject& subject, bool nested);

// The parts of that decision: whether a rule speaks of this subject (but for its claims) and state;
// whether claims have one of the values that are wanted; and whether they say that the run was
// started by an event that the rule lets in without naming it.
bool IsAbout(const Rule& rule, const Subject& subject, std::string_view state);
bool ClaimFits(const ClaimRule& want, const JsonObject& claims);
bool EventFits(const Rule& rule, const JsonObject& claims);

// The names of the rules, with " + " between; "" = no rule.
std::string RuleNames(const Decision& decision);

inline constexpr std::string_view kClaimSeparators = "/:";

// The claim that says what started a CI's run ("" for a generic issuer), and whether a rule that
// does not name this claim fits a run that was started so. What strangers can start (a pull request
// from a fork, a comment) is not among them.
std::string_view EventClaim(CiKind ci);
bool IsOwnEvent(CiKind ci, std::string_view event);

}  // namespace stateward

#endif  // STATEWARD_AUTH_RULES_H_
