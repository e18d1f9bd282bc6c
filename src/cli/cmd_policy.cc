#include "cli/cmd_policy.h"

#include <ctime>
#include <optional>
#include <utility>

#include "auth/jwt_verify.h"
#include "auth/policy.h"
#include "auth/roles.h"
#include "base/json.h"
#include "base/secret_file.h"
#include "stateward/clock.h"

namespace stateward {
namespace {

int Fail(const CliContext& cli, const std::string& why) {
  Say(cli.err, "statewardctl: " + why + "\n");
  return kExitFailed;
}

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
    Fail(cli, path.status().detail());
    return std::nullopt;
  }
  Result<SecretBytes> text = ReadSecretBytes(*path, kMaxPolicyBytes);
  if (!text.ok()) {
    Fail(cli, text.status().detail());
    return std::nullopt;
  }
  ParsedPolicy parsed = ParsePolicy(ByteView(*text).AsString());
  for (const auto* problems : {&parsed.errors, &parsed.troubles}) {
    for (const std::string& problem : *problems) Say(cli.err, *path + ": " + problem + "\n");
  }
  if (!parsed.errors.empty() || (strict && !parsed.troubles.empty())) return std::nullopt;
  return std::move(parsed.policy);
}

int Check(const CliContext& cli, const std::string& path) {
  std::optional<Policy> policy = LoadPolicy(cli, path, true);
  if (!policy) return kExitFailed;
  Say(cli.out, "the policy is good: " + std::to_string(policy->rules.size()) + " rules, " +
                   std::to_string(policy->issuers.size()) + " issuers, " +
                   std::to_string(policy->users.size()) + " users, " +
                   std::to_string(policy->tokens.size()) + " tokens\n");
  return kExitOk;
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

bool ParseTime(const std::string& text, int64_t* seconds) {
  tm parts{};
  const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != 0) return false;
  *seconds = timegm(&parts);
  return true;
}

struct TestCase {
  std::string policy;
  int64_t now_s = SystemClock().NowMs() / 1000;
  Subject subject;
  std::optional<JsonObject> claims;  // what subject.claims points to
  std::string method;
  std::string project;
  std::string name;
};

// Reads the arguments; "" or what is wrong with them.
std::string ParseTest(const std::vector<std::string>& args, TestCase* out) {
  constexpr std::pair<std::string_view, SubjectKind> kWho[] = {
      {"--claims", SubjectKind::kIssuer},
      {"--user", SubjectKind::kUser},
      {"--token", SubjectKind::kToken},
      {"--proxy-user", SubjectKind::kProxyUser},
      {"--certificate", SubjectKind::kCertificate}};
  size_t i = 1;
  int who = 0;
  for (; i + 1 < args.size() && args[i].compare(0, 2, "--") == 0; i += 2) {
    bool known = args[i] == "--policy" || args[i] == "--at";
    if (args[i] == "--policy") out->policy = args[i + 1];
    if (args[i] == "--at" && !ParseTime(args[i + 1], &out->now_s)) return "usage";
    for (const auto& [flag, kind] : kWho) {
      if (args[i] != flag) continue;
      known = true;
      ++who;
      out->subject.kind = kind;
      out->subject.name = args[i + 1];
    }
    if (!known) return "usage";
  }
  if (who != 1 || i + 2 != args.size()) return "usage";
  out->method = args[i];
  size_t slash = args[i + 1].find('/');
  if (slash == std::string::npos) return "the state must be PROJECT/NAME";
  out->project = args[i + 1].substr(0, slash);
  out->name = args[i + 1].substr(slash + 1);
  if (out->subject.kind != SubjectKind::kIssuer) return "";
  Result<SecretBytes> text = ReadSmallFile(out->subject.name, kSmallJsonMaxBytes);
  if (!text.ok()) return text.status().detail();
  Result<JsonObject> claims = ParseSmallJson(*text);
  if (!claims.ok()) return "the claims: " + claims.status().detail();
  out->claims = std::move(*claims);
  std::optional<std::string> issuer = out->claims->String("iss");
  if (!issuer) return "the claims have no iss";
  out->subject.name = *issuer;
  out->subject.claims = &*out->claims;
  return "";
}

// What a server says of such a token before it looks at the rules; its signature is taken as right.
Status JudgeToken(const Policy& policy, const TestCase& test) {
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

int Test(const CliContext& cli, const std::vector<std::string>& args) {
  TestCase test;
  std::string wrong = ParseTest(args, &test);
  if (wrong == "usage") {
    Say(cli.err, std::string("usage:\n") + kPolicyHelp);
    return kExitUsage;
  }
  if (!wrong.empty()) return Fail(cli, wrong);
  std::optional<Verb> verb = VerbOf(test.method);
  if (!verb) return Fail(cli, "METHOD is GET, POST, LOCK, UNLOCK, DELETE or OUTPUTS");
  std::optional<Policy> policy = LoadPolicy(cli, test.policy, false);
  if (!policy) return kExitFailed;
  Status token = JudgeToken(*policy, test);
  if (!token.ok()) {
    Say(cli.out, "refused: " + token.detail() + "\n");
    return kExitFailed;
  }
  Decision decision = Decide(policy->rules, test.subject, test.project, test.name);
  bool allowed = Allows(decision.rights, *verb);
  std::string line = allowed ? "allowed" : "refused";
  line += ": role " + DescribeRights(decision.rights);
  line += decision.rules.empty() ? ", since no rule fits" : " by \"" + RuleNames(decision) + "\"";
  if (*verb == Verb::kOutputs && allowed && !decision.sensitive) line += ", none that is sensitive";
  Say(cli.out, line + "\n");
  return allowed ? kExitOk : kExitFailed;
}

}  // namespace

int CmdPolicy(const CliContext& cli, const std::vector<std::string>& args) {
  if (!args.empty() && args[0] == "check" && args.size() <= 2) {
    return Check(cli, args.size() == 2 ? args[1] : "");
  }
  if (!args.empty() && args[0] == "test") return Test(cli, args);
  Say(cli.err, std::string("usage:\n") + kPolicyHelp);
  return kExitUsage;
}

}  // namespace stateward
