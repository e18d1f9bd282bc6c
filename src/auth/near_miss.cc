#include "auth/near_miss.h"

#include <algorithm>

#include "auth/policy_lint.h"
#include "auth/roles.h"

namespace stateward {
namespace {

// Empty: the claims are not what keeps the subject out.
std::vector<std::string> UnfitClaims(const Rule& rule, const JsonObject& claims) {
  std::vector<std::string> unfit;
  for (const ClaimRule& want : rule.claims) {
    if (!ClaimFits(want, claims)) unfit.push_back(want.claim);
  }
  if (!EventFits(rule, claims)) unfit.emplace_back(EventClaim(rule.ci));
  return unfit;
}

bool IsOfItsOwner(const Rule& rule, const JsonObject& claims) {
  bool named = false;
  for (const ClaimRule& want : rule.claims) {
    if (!IsOwnerClaim(rule.ci, want.claim)) continue;
    if (!ClaimFits(want, claims)) return false;
    named = true;
  }
  return named;
}

bool HasClaim(const JsonObject& claims, const std::string& name) {
  return claims.String(name) || claims.Number(name) || claims.Bool(name) || claims.Strings(name);
}

}  // namespace

std::string DescribeNearMiss(const std::vector<Rule>& rules, const Subject& subject,
                             std::string_view project, std::string_view name, Verb verb) {
  if (subject.claims == nullptr) return "";
  const JsonObject& claims = *subject.claims;
  std::string state;
  state.append(project).append("/").append(name);
  const bool known = !Decide(rules, subject, project, name).rights.Empty();
  const Rule* nearest = nullptr;
  std::vector<std::string> missing;
  for (const Rule& rule : rules) {
    if (!Allows(rule.rights, verb) || !IsAbout(rule, subject, state)) continue;
    if (!known && !IsOfItsOwner(rule, claims)) continue;
    std::vector<std::string> unfit = UnfitClaims(rule, claims);
    if (unfit.empty() || (nearest != nullptr && unfit.size() >= missing.size())) continue;
    nearest = &rule;
    missing = std::move(unfit);
  }
  if (nearest == nullptr) return "";
  std::string text = "rule \"" + nearest->name + "\" would allow it, but the token";
  for (size_t i = 0; i < missing.size(); ++i) {
    if (i > 0) text += ", and";
    text += HasClaim(claims, missing[i]) ? (i > 0 ? " its claim " : "'s claim ") : " has no claim ";
    text += missing[i];
    if (HasClaim(claims, missing[i])) text += " is another";
  }
  return text;
}

}  // namespace stateward
