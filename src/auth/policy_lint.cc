#include "auth/policy_lint.h"

#include <algorithm>
#include <iterator>

#include "base/glob.h"
#include "base/state_name.h"

namespace stateward {
namespace {

using ClaimNames = std::string_view[4];  // unused places are "", which no claim is called

struct CiMeasure {
  CiKind ci;
  // Numbers that are never given out again, while names can be registered again by others.
  ClaimNames owners;
  // One of these says which code may write; without it each branch may.
  ClaimNames places;
  // Claims that no other kind of issuer uses.
  ClaimNames marks;
  std::string_view owner_error;
  std::string_view place_error;
};

constexpr CiMeasure kMeasures[] = {
    {CiKind::kGitHub,
     {"repository_owner_id", "repository_id"},
     {"ref", "environment", "job_workflow_ref"},
     {"repository_owner", "repository_owner_id", "job_workflow_ref", "workflow_ref"},
     "a GitHub rule has to name repository_owner_id or repository_id exactly: anybody who "
     "registers a "
     "name that became free gets its tokens",
     "a GitHub rule with the role write, operator or admin has to name ref, environment or "
     "job_workflow_ref, and not by a glob that fits every branch, tag or pull request: else each "
     "branch may write"},
    {CiKind::kGitLab,
     {"namespace_id", "project_id"},
     {"ref", "ref_protected", "environment", "environment_protected"},
     {"namespace_path", "namespace_id", "project_path", "ref_protected"},
     "a GitLab rule has to name namespace_id or project_id exactly: anybody who registers a path "
     "that "
     "became free gets its tokens",
     "a GitLab rule with the role write, operator or admin has to name ref, ref_protected, "
     "environment or "
     "environment_protected, the protected ones as \"true\", ref not by a glob that fits every "
     "branch: else each branch may write"},
};

bool HasPrefix(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool IsGlob(const ClaimPattern& pattern) { return pattern.kind == ClaimPattern::Kind::kGlob; }

bool IsExact(const ClaimRule& claim) {
  return std::none_of(claim.any_of.begin(), claim.any_of.end(), IsGlob);
}

bool Names(const Rule& rule, const ClaimNames& claims, bool exactly) {
  return std::any_of(rule.claims.begin(), rule.claims.end(), [&](const ClaimRule& claim) {
    return std::find(std::begin(claims), std::end(claims), claim.claim) != std::end(claims) &&
           (!exactly || IsExact(claim));
  });
}

// `front` and `parts` parts that say nothing.
std::string RefOf(std::string_view front, size_t parts, std::string_view part) {
  std::string ref(front);
  for (size_t i = 0; i < parts; ++i) ref.append(i == 0 ? "" : "/").append(part);
  return ref;
}

// A star stays within a part, so names with as many parts as the pattern may have are tried. Two
// that have nothing in common: a pattern that fits both fits every one of that many parts.
bool FitsEvery(std::string_view pattern, std::string_view front) {
  const auto most = static_cast<size_t>(std::count(pattern.begin(), pattern.end(), '/')) + 1;
  for (size_t parts = 1; parts <= most; ++parts) {
    if (GlobMatches(pattern, RefOf(front, parts, "q7"), kClaimSeparators) &&
        GlobMatches(pattern, RefOf(front, parts, "Zx4"), kClaimSeparators)) {
      return true;
    }
  }
  return false;
}

bool FitsEveryRef(CiKind ci, std::string_view pattern) {
  if (ci == CiKind::kGitLab) return FitsEvery(pattern, "");
  return FitsEvery(pattern, "refs/heads/") || FitsEvery(pattern, "refs/tags/") ||
         GlobMatches(pattern, "refs/pull/7/merge", kClaimSeparators);
}

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// False: it fits every branch, or what nobody protects.
bool IsPlace(CiKind ci, std::string_view claim, const ClaimPattern& pattern) {
  if (EndsWith(claim, "_protected")) {
    return pattern.kind == ClaimPattern::Kind::kBool ? pattern.flag
                                                     : !IsGlob(pattern) && pattern.text == "true";
  }
  if (claim == "ref" && HasPrefix(pattern.text, "refs/pull/")) return false;
  if (!IsGlob(pattern)) return true;
  if (claim == "ref") return !FitsEveryRef(ci, pattern.text);
  if (claim == "job_workflow_ref") {  // FILE@REF
    const size_t at = pattern.text.find('@');
    return at != std::string::npos &&
           !FitsEveryRef(ci, std::string_view(pattern.text).substr(at + 1));
  }
  return !FitsEvery(pattern.text, "");
}

// Whether the rule says which code may write. One open pattern of several opens them all.
bool NamesPlace(const Rule& rule, const CiMeasure& of) {
  return std::any_of(rule.claims.begin(), rule.claims.end(), [&of](const ClaimRule& claim) {
    const auto is_place = [&of, &claim](const ClaimPattern& pattern) {
      return IsPlace(of.ci, claim.claim, pattern);
    };
    return std::find(std::begin(of.places), std::end(of.places), claim.claim) !=
               std::end(of.places) &&
           std::all_of(claim.any_of.begin(), claim.any_of.end(), is_place);
  });
}

// Who frees the locks of others lets two of them write at once.
bool MayChange(Rights rights) { return rights.Has(Right::kWrite) || rights.Has(Right::kForce); }

const CiMeasure* MeasureFor(const Rule& rule) {
  for (const CiMeasure& measure : kMeasures) {
    if (rule.ci == measure.ci) return &measure;
  }
  for (const CiMeasure& measure : kMeasures) {
    if (Names(rule, measure.marks, false)) return &measure;
  }
  return nullptr;
}

void LintClaims(const Rule& rule, std::vector<std::string>* out) {
  if (rule.claims.empty()) {
    out->push_back(
        "a rule with an issuer has to name claims: else everybody whom the issuer knows "
        "is let in");
    return;
  }
  if (std::none_of(rule.claims.begin(), rule.claims.end(), IsExact)) {
    out->push_back("at least one claim has to be named exactly");
  }
  for (const ClaimRule& claim : rule.claims) {
    for (const ClaimPattern& pattern : claim.any_of) {
      if (!IsGlob(pattern)) continue;
      if (pattern.text.find_first_not_of("*/:") == std::string::npos) {
        out->push_back("claim " + claim.claim + ": a glob of stars alone says nothing");
      }
      if (claim.claim == "sub" && !pattern.text.empty() && pattern.text.front() == '*') {
        out->push_back("claim sub: a glob that begins with a star leaves the owner open");
      }
      if (claim.claim == EventClaim(CiKind::kGitHub) ||
          claim.claim == EventClaim(CiKind::kGitLab)) {
        out->push_back("claim " + claim.claim + " has to be named exactly");
      }
    }
  }
}

bool IsNamePattern(std::string_view s) {
  return !s.empty() && s.size() <= 128 && s != "." && s != ".." &&
         s.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-*") ==
             std::string_view::npos;
}

}  // namespace

bool IsName(std::string_view name) {
  if (name.empty() || name.size() > 128) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return c > 0x20 && c < 0x7f && c != ':' && c != '"' && c != '\\';
  });
}

bool IsPlain(std::string_view text) {
  return !text.empty() && text.size() <= kMaxPolicyText &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

CiKind GuessCi(std::string_view url) {
  if (HasPrefix(url, "https://token.actions.githubusercontent.com") ||
      url.find("/_services/token") != std::string_view::npos) {
    return CiKind::kGitHub;
  }
  if (url == "https://gitlab.com" || HasPrefix(url, "https://gitlab.")) return CiKind::kGitLab;
  return CiKind::kGeneric;
}

bool IsOwnerClaim(CiKind ci, std::string_view claim) {
  return !claim.empty() &&
         std::any_of(std::begin(kMeasures), std::end(kMeasures), [&](const CiMeasure& measure) {
           return measure.ci == ci &&
                  std::find(std::begin(measure.owners), std::end(measure.owners), claim) !=
                      std::end(measure.owners);
         });
}

std::vector<std::string> LintTokenRule(const Rule& rule) {
  std::vector<std::string> out;
  LintClaims(rule, &out);
  const CiMeasure* measure = MeasureFor(rule);
  if (measure == nullptr) return out;
  if (rule.ci == CiKind::kGeneric) {
    out.push_back(std::string("these are claims of ") +
                  (measure->ci == CiKind::kGitHub ? "GitHub" : "GitLab") +
                  ": give the issuer that kind");
  }
  if (!Names(rule, measure->owners, true)) out.emplace_back(measure->owner_error);
  if (MayChange(rule.rights) && !NamesPlace(rule, *measure)) {
    out.emplace_back(measure->place_error);
  }
  return out;
}

std::string LikelyKind(const Rule& rule) {
  if (rule.who != SubjectKind::kIssuer || rule.ci != CiKind::kGeneric) return "";
  for (const CiMeasure& measure : kMeasures) {
    for (const ClaimRule& claim : rule.claims) {
      if (!IsOwnerClaim(measure.ci, claim.claim) && claim.claim != EventClaim(measure.ci)) continue;
      const bool github = measure.ci == CiKind::kGitHub;
      return claim.claim + " is a claim of " + (github ? "GitHub" : "GitLab") +
             ": if the issuer is one, give it kind = \"" + (github ? "github" : "gitlab") +
             "\"; without it the rule fits " + (github ? "pull" : "merge") +
             " requests, too, unless it names " + std::string(EventClaim(measure.ci));
    }
  }
  return "";
}

bool IsStateGlob(std::string_view glob) {
  if (glob.find('/') == glob.npos || glob.size() > 128 + 1 + kMaxNestedName) return false;
  for (;;) {
    const size_t slash = glob.find('/');
    if (!IsNamePattern(glob.substr(0, slash))) return false;
    if (slash == glob.npos) return true;
    glob.remove_prefix(slash + 1);
  }
}

}  // namespace stateward
