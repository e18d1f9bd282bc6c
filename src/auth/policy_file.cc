// Reads the policy's TOML. The only user of toml++, which is told not to throw.
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <algorithm>
#include <cstdio>
#include <set>
#include <string>
#include <utility>

#include "auth/key_fetch.h"
#include "auth/password.h"
#include "auth/policy.h"
#include "auth/policy_lint.h"
#include "auth/roles.h"
#include "base/hex.h"

namespace stateward {
namespace {

using Source = toml::source_region;

constexpr size_t kMaxList = 1000;
constexpr int64_t kMaxWriterWaitS = 3600;  // as PLAN_LOCKS_WRITER_WAIT

// Days since 1970 of a date of the proleptic Gregorian calendar.
int64_t DaysOf(const toml::date& date) {
  int64_t y = date.year;
  int64_t m = date.month;
  if (m <= 2) {
    --y;
    m += 12;
  }
  int64_t era_days = 365 * y + y / 4 - y / 100 + y / 400;
  return era_days + (153 * (m - 3) + 2) / 5 + date.day - 1 - 719468;
}

class PolicyReader {
 public:
  PolicyReader(ParsedPolicy* out, const CheckFile& check_ca) : out_(out), check_ca_(check_ca) {}

  void Read(const toml::table& root);
  void Error(const Source& where, const std::string& what) {
    out_->errors.push_back(At(where, what));
  }

 private:
  static std::string At(const Source& where, const std::string& what) {
    return "line " + std::to_string(where.begin.line) + ", column " +
           std::to_string(where.begin.column) + ": " + what;
  }
  bool OnlyKeys(const toml::table& table, std::initializer_list<std::string_view> known);
  using ReadOne = void (PolicyReader::*)(const std::string& name, const toml::table& table);
  const toml::table* Tables(const toml::table& root, std::string_view key, size_t limit);
  void ReadTables(const toml::table& root, std::string_view key, size_t limit, ReadOne read);
  std::string Text(const toml::table& table, std::string_view key, bool needed);
  std::vector<std::string> Texts(const toml::node& node);
  std::vector<std::string> TextList(const toml::table& table, std::string_view key);
  void ReadIssuer(const std::string& name, const toml::table& table);
  void ReadUser(const std::string& name, const toml::table& table);
  void ReadToken(const std::string& name, const toml::table& table);
  using ReadNext = void (PolicyReader::*)(size_t number, const toml::table& table);
  void ReadList(const toml::table& root, std::string_view key, ReadNext read);
  void ReadStates(const toml::table& table, std::vector<std::string>* globs);
  void ReadRule(size_t number, const toml::table& table);
  void ReadLocks(size_t number, const toml::table& table);
  bool ReadWho(const toml::table& table, Rule* rule);
  void CheckName(SubjectKind kind, const std::string& name, const toml::node& where, Rule* rule);
  void ReadClaims(const toml::table& table, Rule* rule);
  bool ReadPattern(const toml::node& node, ClaimPattern* out);
  template <typename List>
  static bool Has(const List& list, const std::string& name) {
    return std::any_of(list.begin(), list.end(), [&](const auto& e) { return e.name == name; });
  }

  ParsedPolicy* out_;
  const CheckFile& check_ca_;
  std::set<std::string> seen_;  // digests of tokens, URLs of issuers: each only once
};

bool PolicyReader::OnlyKeys(const toml::table& table,
                            std::initializer_list<std::string_view> known) {
  bool ok = true;
  for (auto&& [key, value] : table) {
    if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
    Error(key.source(), "unknown key \"" + std::string(key.str()) + "\"");
    ok = false;
  }
  return ok;
}

// The table of tables `key`, each with a proper name; nullptr when there is none.
const toml::table* PolicyReader::Tables(const toml::table& root, std::string_view key,
                                        size_t limit) {
  const toml::node* node = root.get(key);
  if (node == nullptr) return nullptr;
  const toml::table* tables = node->as_table();
  if (tables == nullptr) {
    Error(node->source(), std::string(key) + " must be written as [" + std::string(key) + ".NAME]");
    return nullptr;
  }
  if (tables->size() > limit) {
    Error(node->source(), "more than " + std::to_string(limit) + " " + std::string(key));
    return nullptr;
  }
  for (auto&& [name, value] : *tables) {
    if (!IsName(name.str())) {
      Error(name.source(), "a name must be 1 to 128 visible ASCII characters without : \\ and \"");
    } else if (!value.is_table()) {
      Error(name.source(), std::string(key) + "." + std::string(name.str()) + " must be a table");
    }
  }
  return tables;
}

std::string PolicyReader::Text(const toml::table& table, std::string_view key, bool needed) {
  const toml::node* node = table.get(key);
  if (node == nullptr) {
    if (needed) Error(table.source(), std::string(key) + " is missing");
    return "";
  }
  const auto* text = node->as_string();
  if (text == nullptr || !IsPlain(text->get())) {
    Error(node->source(), std::string(key) + " must be a text of 1 to 1024 bytes");
    return "";
  }
  return text->get();
}

// A text or a list of texts; empty after an error.
std::vector<std::string> PolicyReader::Texts(const toml::node& node) {
  std::vector<std::string> out;
  auto add = [&](const toml::node& item) {
    const auto* text = item.as_string();
    if (text != nullptr && IsPlain(text->get())) {
      out.push_back(text->get());
    } else {
      Error(item.source(), "a text of 1 to 1024 bytes is needed here");
    }
  };
  const toml::array* list = node.as_array();
  if (list == nullptr) {
    add(node);
  } else if (list->empty() || list->size() > kMaxList) {
    Error(node.source(), "a list of 1 to 1000 is needed here");
  } else {
    for (const toml::node& item : *list) add(item);
  }
  return out;
}

std::vector<std::string> PolicyReader::TextList(const toml::table& table, std::string_view key) {
  const toml::node* node = table.get(key);
  if (node != nullptr) return Texts(*node);
  Error(table.source(), std::string(key) + " is missing");
  return {};
}

void PolicyReader::ReadIssuer(const std::string& name, const toml::table& table) {
  OnlyKeys(table, {"url", "audiences", "ca_file", "kind"});
  PolicyIssuer issuer;
  issuer.name = name;
  issuer.url = Text(table, "url", true);
  Status url = issuer.url.empty() ? Status() : CheckIssuerUrl(issuer.url);
  if (!url.ok()) Error(table.get("url")->source(), "url " + url.detail());
  if (!issuer.url.empty() && !seen_.insert("issuer " + issuer.url).second) {
    Error(table.get("url")->source(), "another issuer has this url");
  }
  issuer.audiences = TextList(table, "audiences");
  issuer.ca_file = Text(table, "ca_file", false);
  Status ca = issuer.ca_file.empty() ? Status() : check_ca_(issuer.ca_file);
  if (!ca.ok()) out_->troubles.push_back(At(table.get("ca_file")->source(), ca.detail()));
  std::string kind = Text(table, "kind", false);
  issuer.ci = GuessCi(issuer.url);
  if (kind == "github") issuer.ci = CiKind::kGitHub;
  if (kind == "gitlab") issuer.ci = CiKind::kGitLab;
  if (!kind.empty() && kind != "github" && kind != "gitlab") {
    Error(table.get("kind")->source(), "kind must be github or gitlab");
  }
  out_->policy.issuers.push_back(std::move(issuer));
}

void PolicyReader::ReadUser(const std::string& name, const toml::table& table) {
  OnlyKeys(table, {"password"});
  if (name == "basic" || name == "jwt") {
    Error(table.source(), "a user cannot be called " + name + ": that name selects another way in");
  }
  PolicyUser user{name, Text(table, "password", true)};
  if (!user.hash.empty() && !IsPasswordHash(user.hash)) {
    Error(table.get("password")->source(),
          "password must be a hash that `statewardctl passwd` made (yescrypt up to cost 7, bcrypt "
          "from 4 to 14)");
  }
  out_->policy.users.push_back(std::move(user));
}

void PolicyReader::ReadToken(const std::string& name, const toml::table& table) {
  OnlyKeys(table, {"sha256", "expires"});
  PolicyToken token;
  token.name = name;
  std::string digest = Text(table, "sha256", true);
  if (!digest.empty()) {
    if (digest.size() != 64 || !HexDecode(digest, token.sha256.data(), token.sha256.size())) {
      Error(table.get("sha256")->source(), "sha256 must be 64 lower-case hex digits");
    } else if (!seen_.insert("token " + digest).second) {
      Error(table.get("sha256")->source(), "another token has this sha256");
    }
  }
  if (const toml::node* node = table.get("expires")) {
    const auto* time = node->as_date_time();
    if (time == nullptr || !time->get().offset) {
      Error(node->source(), "expires must be a time such as 2027-01-31T00:00:00Z");
    } else {
      const toml::date_time& t = time->get();
      token.expires_s = DaysOf(t.date) * 86400 + t.time.hour * 3600 + t.time.minute * 60 +
                        t.time.second - t.offset->minutes * 60;
      if (token.expires_s <= 0) Error(node->source(), "expires lies before 1970");
    }
  }
  out_->policy.tokens.push_back(std::move(token));
}

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

void PolicyReader::ReadTables(const toml::table& root, std::string_view key, size_t limit,
                              ReadOne read) {
  const toml::table* tables = Tables(root, key, limit);
  if (tables == nullptr) return;
  for (auto&& [name, value] : *tables) {
    const toml::table* table = value.as_table();
    if (table != nullptr) (this->*read)(std::string(name.str()), *table);
  }
}

void PolicyReader::Read(const toml::table& root) {
  OnlyKeys(root, {"issuers", "users", "tokens", "rules", "locks"});
  ReadTables(root, "issuers", kMaxPolicyIssuers, &PolicyReader::ReadIssuer);
  ReadTables(root, "users", kMaxPolicyUsers, &PolicyReader::ReadUser);
  ReadTables(root, "tokens", kMaxPolicyTokens, &PolicyReader::ReadToken);
  ReadList(root, "rules", &PolicyReader::ReadRule);
  ReadList(root, "locks", &PolicyReader::ReadLocks);
}

void PolicyReader::ReadList(const toml::table& root, std::string_view key, ReadNext read) {
  const toml::node* node = root.get(key);
  if (node == nullptr) return;
  const std::string name(key);
  const toml::array* list = node->as_array();
  if (list == nullptr || list->size() > kMaxPolicyRules) {
    Error(node->source(), name + " must be written as [[" + name + "]], at most " +
                              std::to_string(kMaxPolicyRules));
    return;
  }
  size_t number = 0;
  for (const toml::node& item : *list) {
    ++number;
    if (const toml::table* table = item.as_table()) {
      (this->*read)(number, *table);
    } else {
      Error(item.source(), name == "rules" ? "a rule must be a table" : "it must be a table");
    }
  }
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

}  // namespace

ParsedPolicy ParsePolicy(std::string_view text, const CheckFile& check_ca) {
  ParsedPolicy out;
  if (text.size() > kMaxPolicyBytes) {
    out.errors.push_back("line 1, column 1: more than 1 MiB");
    return out;
  }
  toml::parse_result parsed = toml::parse(text);
  PolicyReader reader(&out, check_ca);
  if (parsed.failed()) {
    reader.Error(parsed.error().source(), std::string(parsed.error().description()));
    return out;
  }
  reader.Read(parsed.table());
  return out;
}

}  // namespace stateward
