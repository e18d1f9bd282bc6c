// From credentials to a grant, with an issuer that says what the test wants.
#include "auth/policy_auth.h"

#include <CppUTest/TestHarness.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include "auth/roles.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "doubles/fake_clock.h"
#include "state/lock_info.h"

namespace stateward {
namespace {

const std::string kMachine = std::string(kTokenPrefix) + std::string(64, 'a');

constexpr char kPolicy[] = R"(
[issuers.x]
url = "https://x.example.org"
audiences = ["a"]
[tokens.ci]
sha256 = "@SHA@"
[[rules]]
issuer = "x"
claims = { team = "red" }
states = ["p/*"]
role = "write"
[[rules]]
token = "ci"
states = ["p/*"]
role = "outputs"
[[rules]]
proxy_user = "carol"
states = ["p/*"]
role = "plan"
[[rules]]
certificate = "CN=x"
states = ["p/*"]
role = "admin"
)";

class FakeVerifier : public TokenVerifier {
 public:
  Result<VerifiedToken> Verify(const SecretString& token) override {
    Result<JsonObject> claims = ParseSmallJson(token.Reveal());
    if (!claims.ok()) return Status(Code::kUnauthenticated, "no token");
    VerifiedToken out{"https://x.example.org", "s", *claims, expires_s, expired,
                      std::string(64, 'd')};
    return out;
  }
  bool expired = false;
  int64_t expires_s = 0;
};

}  // namespace

TEST_GROUP(PolicyAuth) {
  FakeClock clock;
  Log log{LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kFatal};
  Throttle throttle{clock};
  Logins logins{clock, throttle, 8};
  std::string path;
  std::unique_ptr<PolicyFile> file;
  std::shared_ptr<FakeVerifier> verifier = std::make_shared<FakeVerifier>();
  std::unique_ptr<PolicyAuthenticator> authenticator;
  int opened = 0;
  bool broken = false;

  void setup() override {
    char name[] = "/tmp/stateward-policy-XXXXXX";
    close(mkstemp(name));
    path = name;
    Write(kPolicy);
    file = std::make_unique<PolicyFile>(clock, log, path);
    CHECK(file->Loaded());
    authenticator = std::make_unique<PolicyAuthenticator>(
        *file, logins,
        [this](const std::vector<PolicyIssuer>&) -> Result<std::shared_ptr<TokenVerifier>> {
          ++opened;
          if (broken) return Status::InvalidArgument("no such CA file");
          return std::shared_ptr<TokenVerifier>(verifier);
        },
        clock, 7200, false);
  }
  void teardown() override { unlink(path.c_str()); }
  void Write(std::string text) {
    std::string digest;
    for (uint8_t byte : Sha256(kMachine)) {
      char hex[3];
      snprintf(hex, sizeof hex, "%02x", byte);
      digest += hex;
    }
    size_t at = text.find("@SHA@");
    if (at != std::string::npos) text.replace(at, 5, digest);
    std::string next = path + ".new";
    FILE* f = fopen(next.c_str(), "w");
    fputs(text.c_str(), f);
    fclose(f);
    chmod(next.c_str(), 0640);
    rename(next.c_str(), path.c_str());
  }
  Result<Grant> Ask(const Credentials& credentials, Verb verb = Verb::kRead,
                    const char* project = "p") {
    return authenticator->Authorize(credentials, {"", project, "n"}, verb);
  }
  Code Said(const Credentials& credentials, Verb verb = Verb::kRead, const char* project = "p") {
    Result<Grant> grant = Ask(credentials, verb, project);
    return grant.ok() ? Code::kOk : grant.status().code();
  }
  static Credentials Bearer(const std::string& text) {
    Credentials credentials;
    credentials.secret = SecretString(text);
    credentials.bearer = true;
    return credentials;
  }
};

TEST(PolicyAuth, TokensAndRules) {
  Result<Grant> grant = Ask(Bearer("{\"team\":\"red\"}"), Verb::kWrite);
  CHECK(grant.ok());
  STRCMP_EQUAL("jwt:https://x.example.org|s", grant->principal.c_str());
  STRCMP_EQUAL("", grant->key.tenant.c_str());
  STRCMP_EQUAL(std::string(64, 'd').c_str(), grant->token_sha256.c_str());
  CHECK(grant->rights == kRoleWrite);
  CHECK_FALSE(grant->expired);
  CHECK(Said(Bearer("{\"team\":\"red\"}"), Verb::kDelete) == Code::kPermissionDenied);
  CHECK(Said(Bearer("{\"team\":\"blue\"}")) == Code::kPermissionDenied);
  CHECK(Said(Bearer("{\"team\":\"red\"}"), Verb::kRead, "q") == Code::kPermissionDenied);
  CHECK(Said(Bearer("nonsense")) == Code::kUnauthenticated);
  CHECK(Said({"jwt", SecretString("{\"team\":\"red\"}")}) == Code::kOk);
  LONGS_EQUAL(1, opened);
}

TEST(PolicyAuth, AnExpiredTokenIsMarkedAndEndsWithTheGrace) {
  verifier->expired = true;
  verifier->expires_s = clock.NowMs() / 1000 - 7200;
  Result<Grant> grant = Ask(Bearer("{\"team\":\"red\"}"));
  CHECK(grant.ok());
  CHECK(grant->expired);
  clock.Advance(1000);
  CHECK(Said(Bearer("{\"team\":\"red\"}")) == Code::kUnauthenticated);
  PolicyAuthenticator none(
      *file, logins,
      [this](const std::vector<PolicyIssuer>&) -> Result<std::shared_ptr<TokenVerifier>> {
        return std::shared_ptr<TokenVerifier>(verifier);
      },
      clock, 0, false);
  verifier->expires_s = clock.NowMs() / 1000;
  CHECK(none.Authorize(Bearer("{\"team\":\"red\"}"), {"", "p", "n"}, Verb::kRead).status().code() ==
        Code::kUnauthenticated);
}

TEST(PolicyAuth, TheVerifierFollowsThePolicysIssuers) {
  CHECK(Said(Bearer("{\"team\":\"red\"}")) == Code::kOk);
  std::string more = kPolicy;
  Write(more + "[[rules]]\nproxy_user = \"dave\"\nstates = [\"p/*\"]\nrole = \"read\"\n");
  clock.Advance(1001);
  CHECK(Said(Bearer("{\"team\":\"red\"}")) == Code::kOk);
  LONGS_EQUAL(1, opened);
  Write(more + "[issuers.y]\nurl = \"https://y.example.org\"\naudiences = [\"a\"]\n");
  clock.Advance(1001);
  broken = true;
  CHECK(Said(Bearer("{\"team\":\"red\"}")) == Code::kUnavailable);
  broken = false;
  CHECK(Said(Bearer("{\"team\":\"red\"}")) == Code::kOk);
  LONGS_EQUAL(3, opened);
}

TEST(PolicyAuth, OtherWaysIn) {
  Result<Grant> grant = Ask({"whoever", SecretString(kMachine)}, Verb::kOutputs);
  CHECK(grant.ok());
  STRCMP_EQUAL("token:ci", grant->principal.c_str());
  CHECK_FALSE(grant->sensitive_outputs);
  CHECK(Said({"whoever", SecretString(kMachine)}, Verb::kRead) == Code::kPermissionDenied);
  CHECK(Said(Bearer(kMachine), Verb::kOutputs) == Code::kOk);
  CHECK(Said(Bearer(kMachine + "a"), Verb::kOutputs) == Code::kUnauthenticated);
  Credentials carol;
  carol.proxy_user = "carol";
  STRCMP_EQUAL("proxy:carol", Ask(carol)->principal.c_str());
  Credentials x;
  x.certificate = "CN=x";
  CHECK(Ask(x, Verb::kForceUnlock)->rights == kRoleAdmin);
  CHECK(Said({"carol", SecretString("CN=x")}) == Code::kUnauthenticated);
  CHECK(Said({"", SecretString("")}) == Code::kUnauthenticated);
}

TEST(PolicyAuth, TheAuditTrailIsToldWhatMatchedForEachState) {
  Credentials token;
  token.bearer = true;
  token.secret = SecretString(R"({"team":"red","run_id":"7","other":"x"})");
  Result<Identity> identity = authenticator->Identify(token);
  CHECK(identity.ok());
  const AuditIdentity here = identity->audit({"", "p", "n"});
  STRCMP_EQUAL("token", here.way.c_str());
  STRCMP_EQUAL("https://x.example.org", here.issuer.c_str());
  CHECK_FALSE(here.rule.empty());
  const std::vector<std::pair<std::string, std::string>> want = {{"run_id", "7"}, {"team", "red"}};
  CHECK(want == here.claims);
  // No rule fits the other one, so it asks for no claim.
  const AuditIdentity there = identity->audit({"", "q", "n"});
  CHECK(there.rule.empty());
  UNSIGNED_LONGS_EQUAL(1, there.claims.size());
}

// An operation's lock is asked for on the same terms as a client's.
TEST(PolicyAuth, PlanLocksAreToldOfAnIdentityToo) {
  Write(std::string(kPolicy) +
        "\n[[locks]]\nstates = [\"p/*\"]\nplan_locks = \"shared\"\nwriter_wait = 30\n");
  clock.Advance(1001);
  Credentials carol;
  carol.proxy_user = "carol";
  Result<Identity> identity = authenticator->Identify(carol);
  CHECK(identity.ok());
  Grant grant;
  grant.key = {"", "p", "n"};
  identity->complete(&grant);
  CHECK(grant.plan_locks && grant.plan_locks->shared);
  UNSIGNED_LONGS_EQUAL(30, grant.plan_locks->writer_wait_s);
  grant.key = {"", "q", "n"};
  identity->complete(&grant);
  CHECK_FALSE(grant.plan_locks.has_value());
}

TEST(PolicyAuth, AMachineTokenThatExpiredHasTheGraceToo) {
  const Credentials machine{"whoever", SecretString(kMachine)};
  CHECK_FALSE(Ask(machine, Verb::kOutputs)->expired);
  STRCMP_EQUAL("", Ask(machine, Verb::kOutputs)->token_sha256.c_str());
  std::string ending = kPolicy;
  const std::string row = "sha256 = \"@SHA@\"\n";
  const int64_t end_s = clock.NowMs() / 1000 + 60;
  ending.insert(ending.find(row) + row.size(), "expires = " + FormatTime(end_s * 1000) + "\n");
  Write(ending);
  clock.Advance(59000);
  Result<Grant> grant = Ask(machine, Verb::kOutputs);
  CHECK_FALSE(grant->expired);
  STRCMP_EQUAL(HexEncode(Sha256(kMachine)).c_str(), grant->token_sha256.c_str());
  CHECK(authenticator->Identify(machine).ok());
  clock.Advance(1000);
  grant = Ask(machine, Verb::kOutputs);
  CHECK(grant.ok());
  CHECK(grant->expired);
  STRCMP_EQUAL(HexEncode(Sha256(kMachine)).c_str(), grant->token_sha256.c_str());
  CHECK(authenticator->Identify(machine).status().code() == Code::kUnauthenticated);
  // One that was taken out of the policy has no grace.
  Write(std::string(kPolicy).replace(std::string(kPolicy).find("@SHA@"), 5, std::string(64, '0')));
  clock.Advance(1001);
  CHECK(Said(machine, Verb::kOutputs) == Code::kUnauthenticated);
  Write(ending);
  clock.Advance(7200000 - 1001);
  CHECK(Said(machine, Verb::kOutputs) == Code::kOk);
  clock.Advance(1000);
  CHECK(Said(machine, Verb::kOutputs) == Code::kUnauthenticated);
}

TEST(PolicyAuth, TheWholeStoreTakesInNestedNames) {
  const std::string rule = "\n[[rules]]\nproxy_user = \"dave\"\nrole = \"admin\"\nstates = [\"";
  Credentials dave;
  dave.proxy_user = "dave";
  const auto on_store = [&](const char* pattern, bool nested) {
    Write(kPolicy + rule + pattern + "\"]\n");
    PolicyFile now(clock, log, path);
    PolicyAuthenticator asked(now, logins, OpenVerifier(), clock, 7200, nested);
    return asked.Identify(dave)->on_store;
  };
  CHECK(on_store("*/*", false) == kRoleAdmin);
  CHECK(on_store("*/*", true).Empty());
  CHECK(on_store("*/**", true) == kRoleAdmin);
}

TEST(PolicyAuth, WithoutAPolicyNobodyIsJudged) {
  Write("nonsense = 1\n");
  PolicyFile bad(clock, log, path);
  PolicyAuthenticator none(bad, logins, OpenVerifier(), clock, 7200, false);
  Credentials carol;
  carol.proxy_user = "carol";
  CHECK(none.Authorize(carol, {"", "p", "n"}, Verb::kRead).status().code() == Code::kUnavailable);
}

}  // namespace stateward
