#include "auth/policy_lint.h"
#include "auth/policy_reader.h"
#include "auth/roles.h"

namespace stateward {
namespace {

constexpr int64_t kMaxWriterWaitS = 3600;  // as PLAN_LOCKS_WRITER_WAIT

}  // namespace

void PolicyReader::CheckName(SubjectKind kind, const std::string& name, const toml::node& where,
                             Rule* rule) {
  const Policy& policy = out_->policy;
  if (kind == SubjectKind::kUser && !Has(policy.users, name)) {
    Error(where.source(), "there is no [users." + name + "]");
  }
  if (kind == SubjectKind::kToken && !Has(policy.tokens, name)) {
    Error(where.source(), "there is no [tokens." + name + "]");
  }
  if (kind != SubjectKind::kIssuer) return;
  auto found = std::find_if(policy.issuers.begin(), policy.issuers.end(),
                            [&](const PolicyIssuer& issuer) { return issuer.name == name; });
  if (found == policy.issuers.end()) {
    Error(where.source(), "there is no [issuers." + name + "]");
    return;
  }
  rule->ci = found->ci;
  rule->names = {found->url};
}

bool PolicyReader::ReadWho(const toml::table& table, Rule* rule) {
  constexpr std::pair<std::string_view, SubjectKind> kKeys[] = {
      {"issuer", SubjectKind::kIssuer},
      {"user", SubjectKind::kUser},
      {"token", SubjectKind::kToken},
      {"certificate", SubjectKind::kCertificate},
      {"proxy_user", SubjectKind::kProxyUser}};
  int found = 0;
  for (const auto& [key, kind] : kKeys) {
    const toml::node* node = table.get(key);
    if (node == nullptr) continue;
    ++found;
    rule->who = kind;
    rule->names = Texts(*node);
    if (kind == SubjectKind::kIssuer && rule->names.size() > 1) {
      Error(node->source(), "a rule has one issuer");
    }
    for (const std::string& name : std::vector<std::string>(rule->names)) {
      CheckName(kind, name, *node, rule);
    }
  }
  if (found == 1) return true;
  Error(table.source(),
        "a rule names one of issuer, user, token, certificate and proxy_user, and only one" +
            std::string(table.get("claims") != nullptr ? "; claims need an issuer" : ""));
  return false;
}

bool PolicyReader::ReadPattern(const toml::node& node, ClaimPattern* out) {
  if (const auto* text = node.as_string()) {
    out->text = text->get();
    if (IsPlain(out->text)) return true;
  } else if (const auto* flag = node.as_boolean()) {
    out->kind = ClaimPattern::Kind::kBool;
    out->flag = flag->get();
    return true;
  } else if (const auto* number = node.as_integer()) {
    out->kind = ClaimPattern::Kind::kNumber;
    out->number = static_cast<uint64_t>(number->get());
    if (number->get() >= 0) return true;
  } else if (const toml::table* table = node.as_table()) {
    OnlyKeys(*table, {"glob"});
    out->kind = ClaimPattern::Kind::kGlob;
    out->text = Text(*table, "glob", true);
    return !out->text.empty();
  }
  Error(node.source(), "a claim must be a text, a number from 0, a boolean or { glob = \"…\" }");
  return false;
}

void PolicyReader::ReadClaims(const toml::table& table, Rule* rule) {
  const toml::node* node = table.get("claims");
  if (node == nullptr) return;
  const toml::table* claims = node->as_table();
  if (claims == nullptr || rule->who != SubjectKind::kIssuer) {
    Error(node->source(), claims == nullptr ? "claims must be a table" : "claims need an issuer");
    return;
  }
  for (auto&& [name, value] : *claims) {
    ClaimRule claim;
    claim.claim = name.str();
    if (!IsPlain(claim.claim)) Error(name.source(), "no name for a claim");
    const toml::array* list = value.as_array();
    if (list != nullptr && (list->empty() || list->size() > kMaxList)) {
      Error(value.source(), "a list of 1 to 1000 is needed here");
      continue;
    }
    size_t count = list == nullptr ? 1 : list->size();
    for (size_t i = 0; i < count; ++i) {
      ClaimPattern pattern;
      const toml::node& item = list == nullptr ? value : *list->get(i);
      if (ReadPattern(item, &pattern)) claim.any_of.push_back(std::move(pattern));
    }
    rule->claims.push_back(std::move(claim));
  }
}

void PolicyReader::ReadStates(const toml::table& table, std::vector<std::string>* globs) {
  *globs = TextList(table, "states");
  for (const std::string& glob : *globs) {
    if (IsStateGlob(glob)) continue;
    Error(table.get("states")->source(),
          "\"" + glob + "\" is not PROJECT/NAME (with * for a part)");
  }
}

void PolicyReader::ReadRule(size_t number, const toml::table& table) {
  OnlyKeys(table, {"name", "issuer", "claims", "user", "token", "certificate", "proxy_user",
                   "states", "role", "sensitive"});
  Rule rule;
  rule.name = Text(table, "name", false);
  if (rule.name.empty()) rule.name = "rule " + std::to_string(number);
  bool who = ReadWho(table, &rule);
  if (who) ReadClaims(table, &rule);
  ReadStates(table, &rule.states);
  std::string role = Text(table, "role", true);
  const Rights* found = FindRole(role);
  if (!role.empty() && found == nullptr) {
    Error(table.get("role")->source(), "role must be " + RoleNames());
  }
  if (found != nullptr) rule.rights = *found;
  if (const toml::node* node = table.get("sensitive")) {
    const auto* flag = node->as_boolean();
    if (flag == nullptr) Error(node->source(), "sensitive must be true or false");
    rule.sensitive = flag != nullptr && flag->get();
  }
  if (who && rule.who == SubjectKind::kIssuer) {
    for (const std::string& problem : LintTokenRule(rule)) Error(table.source(), problem);
  }
  out_->policy.rules.push_back(std::move(rule));
}

void PolicyReader::ReadLocks(size_t /*number*/, const toml::table& table) {
  OnlyKeys(table, {"states", "plan_locks", "writer_wait"});
  PlanLockRule rule;
  ReadStates(table, &rule.states);
  const std::string how = Text(table, "plan_locks", true);
  rule.plan_locks.shared = how == "shared";
  if (!how.empty() && how != "shared" && how != "exclusive") {
    Error(table.get("plan_locks")->source(), "plan_locks must be shared or exclusive");
  }
  if (const toml::node* node = table.get("writer_wait")) {
    const auto* seconds = node->as_integer();
    const int64_t wait = seconds == nullptr ? -1 : seconds->get();
    if (wait < 0 || wait > kMaxWriterWaitS) {
      Error(node->source(),
            "writer_wait must be 0 to " + std::to_string(kMaxWriterWaitS) + " seconds");
    } else {
      rule.plan_locks.writer_wait_s = static_cast<uint64_t>(wait);
    }
  }
  out_->policy.locks.push_back(std::move(rule));
}

}  // namespace stateward
