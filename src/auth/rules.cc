#include "auth/rules.h"

#include <algorithm>
#include <iterator>

#include "base/glob.h"
#include "stateward/authenticator.h"

namespace stateward {
namespace {

constexpr std::string_view kGitHubEvents[] = {"push", "workflow_dispatch", "schedule",
                                              "repository_dispatch", "release"};
// Not parent_pipeline: the parent may be a merge request's.
constexpr std::string_view kGitLabSources[] = {"push", "web", "schedule", "api", "trigger"};

Rights Both(Rights a, Rights b) {
  Rights both;
  for (Right right : {Right::kSee, Right::kOutputs, Right::kRead, Right::kLock, Right::kWrite,
                      Right::kForce, Right::kDelete, Right::kAdminister}) {
    if (a.Has(right) && b.Has(right)) both = both.Union({right});
  }
  return both;
}

template <typename List, typename T>
bool Contains(const List& list, const T& value) {
  return std::find(std::begin(list), std::end(list), value) != std::end(list);
}

bool TextFits(const ClaimPattern& pattern, std::string_view text) {
  if (pattern.kind == ClaimPattern::Kind::kExact) return pattern.text == text;
  return pattern.kind == ClaimPattern::Kind::kGlob &&
         GlobMatches(pattern.text, text, kClaimSeparators);
}

// Types are compared too: "1" is not 1.
bool PatternFits(const ClaimPattern& pattern, const std::string& claim, const JsonObject& claims) {
  if (std::optional<std::string> text = claims.String(claim)) return TextFits(pattern, *text);
  switch (pattern.kind) {
    case ClaimPattern::Kind::kNumber:
      return claims.Uint(claim) == pattern.number;
    case ClaimPattern::Kind::kBool:
      return claims.Bool(claim) == pattern.flag;
    default:
      break;
  }
  std::optional<std::vector<std::string>> list = claims.Strings(claim);
  return list && std::any_of(list->begin(), list->end(),
                             [&](const std::string& item) { return TextFits(pattern, item); });
}

bool Fits(const Rule& rule, const Subject& subject, std::string_view state) {
  if (!IsAbout(rule, subject, state)) return false;
  if (rule.who != SubjectKind::kIssuer) return true;
  // Without a claim a rule would let in everybody whom the issuer knows.
  if (subject.claims == nullptr || rule.claims.empty()) return false;
  return std::all_of(rule.claims.begin(), rule.claims.end(),
                     [&](const ClaimRule& want) { return ClaimFits(want, *subject.claims); }) &&
         EventFits(rule, *subject.claims);
}

}  // namespace

bool IsAbout(const Rule& rule, const Subject& subject, std::string_view state) {
  return rule.who == subject.kind && Contains(rule.names, subject.name) &&
         std::any_of(rule.states.begin(), rule.states.end(),
                     [&](const std::string& glob) { return StateGlobMatches(glob, state); });
}

bool ClaimFits(const ClaimRule& want, const JsonObject& claims) {
  return std::any_of(want.any_of.begin(), want.any_of.end(), [&](const ClaimPattern& pattern) {
    return PatternFits(pattern, want.claim, claims);
  });
}

bool EventFits(const Rule& rule, const JsonObject& claims) {
  const std::string_view claim = EventClaim(rule.ci);
  if (claim.empty() || std::any_of(rule.claims.begin(), rule.claims.end(),
                                   [&](const ClaimRule& want) { return want.claim == claim; })) {
    return true;
  }
  const std::optional<std::string> event = claims.String(std::string(claim));
  return event && IsOwnEvent(rule.ci, *event);
}

Decision Decide(const std::vector<Rule>& rules, const Subject& subject, std::string_view project,
                std::string_view name) {
  std::string state;
  state.append(project).append("/").append(name);
  Decision decision;
  for (const Rule& rule : rules) {
    if (!Fits(rule, subject, state)) continue;
    decision.sensitive = decision.sensitive || rule.sensitive || rule.rights.Has(Right::kRead);
    if (decision.rights.Contains(rule.rights)) continue;
    if (rule.rights.Contains(decision.rights)) decision.rules.clear();
    decision.rights = decision.rights.Union(rule.rights);
    decision.rules.push_back(&rule);
  }
  return decision;
}

Rights DecideStore(const std::vector<Rule>& rules, const Subject& subject, bool nested) {
  StateKey any = AnyStateKey();
  Rights all = Decide(rules, subject, any.project, any.name).rights;
  if (!nested) return all;
  // A pattern fits names of as many parts as it has, or with a ** of more: so it does with stars.
  // Names of one part more than the longest pattern are told apart by none from longer ones.
  size_t slashes = 0;
  for (const Rule& rule : rules) {
    for (const std::string& glob : rule.states) {
      slashes = std::max(slashes, static_cast<size_t>(std::count(glob.begin(), glob.end(), '/')));
    }
  }
  for (size_t more = 0; more < slashes && !all.Empty(); ++more) {
    any.name += "/*";
    all = Both(all, Decide(rules, subject, any.project, any.name).rights);
  }
  return all;
}

std::string RuleNames(const Decision& decision) {
  std::string names;
  for (const Rule* rule : decision.rules) {
    if (!names.empty()) names += " + ";
    names += rule->name;
  }
  return names;
}

std::string_view EventClaim(CiKind ci) {
  if (ci == CiKind::kGitHub) return "event_name";
  return ci == CiKind::kGitLab ? "pipeline_source" : "";
}

bool IsOwnEvent(CiKind ci, std::string_view event) {
  if (ci == CiKind::kGitHub) return Contains(kGitHubEvents, event);
  return ci != CiKind::kGitLab || Contains(kGitLabSources, event);
}

}  // namespace stateward
