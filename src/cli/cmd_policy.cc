#include <optional>
#include <utility>

#include "auth/jwt_verify.h"
#include "auth/near_miss.h"
#include "auth/policy.h"
#include "auth/policy_lint.h"
#include "auth/roles.h"
#include "base/glob.h"
#include "base/json.h"
#include "base/secret_file.h"
#include "cli/cmd.h"
#include "state/lock_info.h"
#include "stateward/clock.h"

namespace stateward {
namespace {

// From the argument, else from the settings.
Result<std::string> PolicyPath(const CliContext& cli, const std::string& given) {
  if (!given.empty()) return given;
  Result<std::optional<SecretString>> set = cli.setting("AUTH_POLICY_FILE");
  if (!set.ok()) return std::move(set).status();
  if (set->has_value() && !(*set)->empty()) return std::string((*set)->Reveal());
  return Status::InvalidArgument("no policy file is given, and AUTH_POLICY_FILE is not set");
}

// Prints what is wrong with it. `strict`: what keeps one issuer from working is wrong, too.
std::optional<Policy> LoadPolicy(const CliContext& cli, const std::string& given, bool strict) {
  Result<std::string> path = PolicyPath(cli, given);
  if (!path.ok()) {
    Fail(cli, path.status());
    return std::nullopt;
  }
  Result<SecretBytes> text = ReadSecretBytes(*path, kMaxPolicyBytes);
  if (!text.ok()) {
    Fail(cli, text.status());
    return std::nullopt;
  }
  ParsedPolicy parsed = ParsePolicy(ByteView(*text).AsString());
  for (const auto* problems : {&parsed.errors, &parsed.troubles}) {
    for (const std::string& problem : *problems) Say(cli.err, *path + ": " + problem + "\n");
  }
  if (!parsed.errors.empty() || (strict && !parsed.troubles.empty())) return std::nullopt;
  return std::move(parsed.policy);
}

std::optional<Verb> VerbOf(const std::string& method) {
  constexpr std::pair<std::string_view, Verb> kVerbs[] = {
      {"GET", Verb::kRead},       {"POST", Verb::kWrite},    {"PUT", Verb::kWrite},
      {"LOCK", Verb::kLock},      {"UNLOCK", Verb::kUnlock}, {"DELETE", Verb::kDelete},
      {"OUTPUTS", Verb::kOutputs}};
  for (const auto& [name, verb] : kVerbs) {
    if (name == method) return verb;
  }
  return std::nullopt;
}

struct TestCase {
  int64_t now_s = SystemClock().NowMs() / 1000;
  Subject subject;
  std::optional<JsonObject> claims;  // what subject.claims points to
};

Status ReadClaims(const std::string& file, TestCase* out) {
  Result<SecretBytes> text = ReadSmallFile(file, kSmallJsonMaxBytes);
  if (!text.ok()) return std::move(text).status();
  Result<JsonObject> claims = ParseSmallJson(*text);
  if (!claims.ok()) return std::move(claims).status().At("the claims");
  out->claims = std::move(*claims);
  std::optional<std::string> issuer = out->claims->String("iss");
  if (!issuer) return Status::InvalidArgument("the claims have no iss");
  out->subject.name = *issuer;
  out->subject.claims = &*out->claims;
  return Status();
}

Status ReadTest(const Args& args, TestCase* out) {
  constexpr std::pair<std::string_view, SubjectKind> kWho[] = {
      {"claims", SubjectKind::kIssuer},
      {"user", SubjectKind::kUser},
      {"token", SubjectKind::kToken},
      {"proxy-user", SubjectKind::kProxyUser},
      {"certificate", SubjectKind::kCertificate}};
  if (args.Has("at")) out->now_s = args.TimeMs("at") / 1000;
  int who = 0;
  for (const auto& [option, kind] : kWho) {
    if (!args.Has(option)) continue;
    ++who;
    out->subject.kind = kind;
    out->subject.name = args.Text(option);
  }
  if (who != 1) return Status::InvalidArgument("exactly one option must say who asks");
  return out->subject.kind == SubjectKind::kIssuer ? ReadClaims(out->subject.name, out) : Status();
}

template <typename Table>
bool HasName(const Table& table, const std::string& name) {
  for (const auto& row : table) {
    if (row.name == name) return true;
  }
  return false;
}

Status JudgeToken(const Policy& policy, const std::string& name, int64_t now_s) {
  for (const PolicyToken& token : policy.tokens) {
    if (token.name != name) continue;
    if (token.expires_s == 0 || now_s < token.expires_s) return Status();
    return {Code::kUnauthenticated,
            "the machine token " + name + " has expired at " + FormatTime(token.expires_s * 1000)};
  }
  return {Code::kUnauthenticated, "the policy has no machine token " + name};
}

// What a server says of one who asks before it looks at the rules; a token's signature is taken as
// right.
Status JudgeSubject(const Policy& policy, const TestCase& test) {
  const std::string& name = test.subject.name;
  if (test.subject.kind == SubjectKind::kUser && !HasName(policy.users, name)) {
    return {Code::kUnauthenticated, "the policy has no user " + name};
  }
  if (test.subject.kind == SubjectKind::kToken) return JudgeToken(policy, name, test.now_s);
  if (test.subject.kind != SubjectKind::kIssuer) return Status();
  for (const PolicyIssuer& issuer : policy.issuers) {
    if (issuer.url != test.subject.name) continue;
    TokenRules rules{issuer.url, issuer.audiences, false};
    Result<TokenTimes> times = CheckClaims(*test.claims, rules, test.now_s);
    if (!times.ok()) return std::move(times).status();
    if (IsExpired(*times, test.now_s)) return {Code::kUnauthenticated, "claims: exp has passed"};
    return Status();
  }
  return {Code::kUnauthenticated, "claims: iss is no issuer of the policy"};
}

}  // namespace

int CmdPolicyCheck(const CliContext& cli, const Args& args) {
  std::optional<Policy> policy = LoadPolicy(cli, args.Text("file"), true);
  if (!policy) return kExitFailed;
  Say(cli.out, "nothing is wrong; rules: " + std::to_string(policy->rules.size()) +
                   ", issuers: " + std::to_string(policy->issuers.size()) +
                   ", users: " + std::to_string(policy->users.size()) +
                   ", machine tokens: " + std::to_string(policy->tokens.size()) + "\n");
  for (const Rule& rule : policy->rules) {
    const std::string kind = LikelyKind(rule);
    if (!kind.empty()) Say(cli.out, rule.name + ": " + kind + "\n");
    for (const std::string& glob : rule.states) {
      if (!CrossesSlashes(glob)) continue;
      Say(cli.out, rule.name + ": " + glob + " takes in more states with NESTED_NAMES=true: ** " +
                       "stands for any number of parts\n");
    }
  }
  return kExitOk;
}

int CmdPolicyTest(const CliContext& cli, const Args& args) {
  TestCase test;
  const Status read = ReadTest(args, &test);
  if (!read.ok()) return Fail(cli, read);
  std::optional<Verb> verb = VerbOf(args.Text("method"));
  if (!verb) return kExitUsage;
  std::optional<Policy> policy = LoadPolicy(cli, args.Text("policy"), false);
  if (!policy) return kExitFailed;
  Status known = JudgeSubject(*policy, test);
  if (!known.ok()) {
    Say(cli.out, "refused: " + known.detail() + "\n");
    return kExitFailed;
  }
  const StateKey state = args.State();
  Decision decision = Decide(policy->rules, test.subject, state.project, state.name);
  bool allowed = Allows(decision.rights, *verb);
  std::string line = allowed ? "allowed" : "refused";
  line += ": role " + DescribeRights(decision.rights);
  line += decision.rules.empty() ? ", since no rule fits" : " by \"" + RuleNames(decision) + "\"";
  if (*verb == Verb::kOutputs && allowed && !decision.sensitive) line += ", none that is sensitive";
  if (!allowed) {
    const std::string miss =
        DescribeNearMiss(policy->rules, test.subject, state.project, state.name, *verb);
    if (!miss.empty()) line += "; " + miss;
  }
  Say(cli.out, line + "\n");
  return allowed ? kExitOk : kExitFailed;
}

}  // namespace stateward
