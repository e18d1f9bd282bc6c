// A policy file: never crashes, and what is good TOML for it decides each question within its
// rules.
#include <cstdlib>
#include <string>
#include <string_view>

#include "auth/key_fetch.h"
#include "auth/policy.h"

using stateward::Decision;
using stateward::ParsedPolicy;
using stateward::Policy;
using stateward::Subject;
using stateward::SubjectKind;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // No file that an input names is opened.
  auto no_file = [](const std::string&) { return stateward::Status(); };
  ParsedPolicy parsed =
      stateward::ParsePolicy(std::string_view(reinterpret_cast<const char*>(data), size), no_file);
  if (!parsed.errors.empty()) return 0;
  const Policy& policy = parsed.policy;
  for (const stateward::PolicyIssuer& issuer : policy.issuers) {
    if (!stateward::CheckIssuerUrl(issuer.url).ok()) abort();
  }
  for (const stateward::Rule& rule : policy.rules) {
    // Nothing half read: each rule names somebody, something and a role.
    if (rule.names.empty() || rule.states.empty() || rule.rights.Empty()) abort();
    if (rule.who == SubjectKind::kIssuer && rule.claims.empty()) abort();
    Subject subject;
    subject.kind = rule.who;
    subject.name = rule.names.front();
    Decision decision = Decide(policy.rules, subject, "p", "n");
    if (decision.rules.empty() != decision.rights.Empty()) abort();
    // A token without claims is nobody.
    if (rule.who == SubjectKind::kIssuer && !decision.rules.empty()) abort();
  }
  return 0;
}
