#include <CppUTest/TestHarness.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "auth/policy.h"
#include "auth/policy_lint.h"
#include "doubles/fake_clock.h"

namespace stateward {
namespace {

constexpr char kGood[] = R"(
[issuers.github]
url = "https://token.actions.githubusercontent.com"
audiences = ["https://state.example.org"]
[issuers.gl]
url = "https://code.example.org"
kind = "gitlab"
audiences = ["a", "b"]
[users.alice]
password = "$y$j9T$0123456789abcdef./$0123456789012345678901234567890123456789012"
[tokens.ci]
sha256 = "00000000000000000000000000000000000000000000000000000000000000aa"
expires = 2027-01-31T12:00:00+01:00
[[rules]]
user = "alice"
states = ["a/*"]
role = "admin"
)";

std::string FirstError(const std::string& text) {
  ParsedPolicy parsed = ParsePolicy(text);
  return parsed.errors.empty() ? "" : parsed.errors.front();
}

void Refuses(const std::string& rule, const std::string& want) {
  std::string error = FirstError(std::string(kGood) + "[[rules]]\n" + rule);
  CHECK_TEXT(error.find(want) != std::string::npos, (rule + "\n-> " + error).c_str());
}

void Accepts(const std::string& rule) {
  STRCMP_EQUAL("", FirstError(std::string(kGood) + "[[rules]]\n" + rule).c_str());
}

std::string TokenRule(const std::string& claims, const std::string& role = "read",
                      const std::string& issuer = "github") {
  return "issuer = \"" + issuer + "\"\nclaims = " + claims + "\nstates = [\"a/*\"]\nrole = \"" +
         role + "\"\n";
}

}  // namespace

TEST_GROUP(PolicyText){};

TEST(PolicyText, IsReadAsAWhole) {
  ParsedPolicy parsed = ParsePolicy(kGood);
  for (const std::string& error : parsed.errors) FAIL(error.c_str());
  const Policy& policy = parsed.policy;
  LONGS_EQUAL(2, policy.issuers.size());
  CHECK(policy.issuers[0].ci == CiKind::kGitHub);
  CHECK(policy.issuers[1].ci == CiKind::kGitLab);
  CHECK(policy.FindUser("alice") != nullptr);
  CHECK(policy.FindUser("Alice") == nullptr);
  LONGS_EQUAL(0xaa, policy.tokens[0].sha256[31]);
  LONGS_EQUAL(1801393200, policy.tokens[0].expires_s);
  STRCMP_EQUAL("rule 1", policy.rules[0].name.c_str());
}

TEST(PolicyText, SaysHowPlansLock) {
  const std::string locks =
      "[[locks]]\nstates = [\"a/*\"]\nplan_locks = \"shared\"\nwriter_wait = 5\n"
      "[[locks]]\nstates = [\"*/*\"]\nplan_locks = \"exclusive\"\n";
  ParsedPolicy parsed = ParsePolicy(kGood + locks);
  CHECK(parsed.errors.empty());
  CHECK(parsed.policy.PlanLocksOf("a", "x")->shared);
  LONGS_EQUAL(5, parsed.policy.PlanLocksOf("a", "x")->writer_wait_s);
  CHECK_FALSE(parsed.policy.PlanLocksOf("b", "x")->shared);
  CHECK_FALSE(ParsePolicy(kGood).policy.PlanLocksOf("a", "x").has_value());
  for (const char* bad :
       {"plan_locks = \"both\"\nstates = [\"a/*\"]\n", "states = [\"a/*\"]\n",
        "plan_locks = \"shared\"\n", "plan_locks = \"shared\"\nstates = [\"a\"]\n",
        "plan_locks = \"shared\"\nstates = [\"a/*\"]\nwriter_wait = 3601\n"}) {
    CHECK(!FirstError(std::string(kGood) + "[[locks]]\n" + bad).empty());
  }
}

TEST(PolicyText, AnEmptyOneLetsNobodyIn) {
  ParsedPolicy parsed = ParsePolicy("");
  CHECK(parsed.errors.empty());
  CHECK(parsed.policy.rules.empty());
}

TEST(PolicyText, ErrorsSayWhere) {
  STRCMP_EQUAL("line 2, column 1: unknown key \"user\"", FirstError("\nuser = 1\n").c_str());
  CHECK(FirstError("a = \n").find("line 1, column") == 0);
  CHECK(FirstError("[users.a]\npassword = \"x\"\n").find("line 2, column 12: ") == 0);
  CHECK(FirstError("[users.a]\npassword = \"x\"\nshell = 1\n")
            .find("line 3, column 1: unknown key") == 0);
  ParsedPolicy both = ParsePolicy("x = 1\ny = 2\n");
  LONGS_EQUAL(2, both.errors.size());
}

TEST(PolicyText, NoNameThatSelectsAnotherWayIn) {
  for (const char* name : {"basic", "jwt"}) {
    CHECK(!FirstError("[users." + std::string(name) +
                      "]\npassword = "
                      "\"$y$j9T$0123456789abcdef./$0123456789012345678901234567890123456789012\"\n")
               .empty());
  }
}

TEST(PolicyText, OnlyStrongHashesOfBoundedCost) {
  std::string salt = "KBCwKxOzLha2MUDgW0PjXeG2ZnX2m1xT1lZ8Wm7Yz7Vn3bX1Qp0Gm";
  for (const std::string& good : {"$2b$04$" + salt, "$2y$14$" + salt}) {
    STRCMP_EQUAL("", FirstError("[users.a]\npassword = \"" + good + "\"\n").c_str());
  }
  for (const std::string& bad :
       {"$2b$15$" + salt, "$2a$10$" + salt, "$2b$03$" + salt, std::string("$6$salt$hash"),
        std::string("$1$a$b"), std::string("plain"), "$2b$10$" + salt + "x",
        std::string("$y$jFT$0123456789abcdef./$0123456789012345678901234567890123456789012")}) {
    CHECK_TEXT(!FirstError("[users.a]\npassword = \"" + bad + "\"\n").empty(), bad.c_str());
  }
}

TEST(PolicyText, RulesAreWhole) {
  Refuses("states = [\"a/*\"]\nrole = \"read\"\n", "names one of");
  Refuses("user = \"alice\"\ntoken = \"ci\"\nstates = [\"a/b\"]\nrole = \"read\"\n",
          "names one of");
  Refuses("user = \"carol\"\nstates = [\"a/*\"]\nrole = \"read\"\n", "no [users.carol]");
  Refuses("token = \"x\"\nstates = [\"a/*\"]\nrole = \"read\"\n", "no [tokens.x]");
  Refuses("issuer = \"x\"\nstates = [\"a/*\"]\nrole = \"read\"\nclaims = { a = \"b\" }\n",
          "no [issuers.x]");
  Refuses("user = \"alice\"\nrole = \"read\"\n", "states is missing");
  Refuses("user = \"alice\"\nstates = []\nrole = \"read\"\n", "list of 1");
  Refuses("user = \"alice\"\nstates = [\"a/*\"]\n", "role is missing");
  Refuses("user = \"alice\"\nstates = [\"a/*\"]\nrole = \"owner\"\n", "role must be");
  Refuses("user = \"alice\"\nstates = [\"a/*\"]\nrole = \"none\"\n", "role must be");
  Refuses("user = \"alice\"\nstates = [\"a/*\"]\nrole = \"read\"\nsensitive = 1\n", "sensitive");
  Refuses("user = \"alice\"\nstates = [\"a/*\"]\nrole = \"read\"\nrolle = \"read\"\n",
          "unknown key \"rolle\"");
  Refuses("user = \"alice\"\nclaims = { a = \"b\" }\nstates = [\"a/*\"]\nrole = \"read\"\n",
          "claims need an issuer");
  for (const char* glob : {"a", "*", "a//c", "/b", "a/", "a/b c", "a/?", "../b", ""}) {
    Refuses("user = \"alice\"\nrole = \"read\"\nstates = [\"" + std::string(glob) + "\"]\n", "");
    std::string text = std::string(kGood) +
                       "[[rules]]\nuser = \"alice\"\nrole = \"read\"\nstates = [\"" + glob +
                       "\"]\n";
    CHECK_TEXT(!FirstError(text).empty(), glob);
  }
}

std::string Issuer(const std::string& url, const std::string& more = "") {
  return "[issuers.x]\naudiences = [\"a\"]\nurl = \"" + url + "\"\n" + more;
}

// Claims of the right name that let every branch in, and some that do not.
TEST(PolicyText, ARuleForWritingSaysWhichCode) {
  const auto gitlab = [](const char* claims) {
    return TokenRule("{ project_id = \"1\", " + std::string(claims) + " }", "write", "gl");
  };
  for (const char* open :
       {"ref_protected = \"false\"", "ref_protected = { glob = \"t*\" }",
        "environment_protected = \"no\"", "ref_protected = [\"true\", \"false\"]"}) {
    Refuses(gitlab(open), "each branch may write");
  }
  Accepts(gitlab("ref_protected = \"true\""));
  Accepts(gitlab("ref = { glob = \"release-*\" }"));
  const auto github = [](const char* ref) {
    return TokenRule("{ repository_id = \"1\", ref = { glob = \"" + std::string(ref) + "\" } }",
                     "write");
  };
  for (const char* open : {"refs/*/*", "refs/heads/*", "refs/heads/*/*", "refs/tags/*",
                           "refs/pull/*/merge", "*/heads/*", "ref*/heads/*", "refs/*s/*",
                           "*/pull/*/merge", "refs/tags/*/*", "refs/heads/*/*/*"}) {
    Refuses(github(open), "each branch may write");
  }
  const auto workflow = [](const char* ref) {
    return TokenRule(
        "{ repository_id = \"1\", job_workflow_ref = { glob = \"o/r/.github/workflows/x.yml" +
            std::string(ref) + "\" } }",
        "write");
  };
  for (const char* open : {"@refs/heads/*", "@*/*/*", "*"}) {
    Refuses(workflow(open), "each branch may write");
  }
  Accepts(workflow("@refs/tags/v*"));
  Accepts(github("refs/heads/pull/*"));
  Accepts(github("refs/heads/q*"));
  Accepts(github("refs/heads/*/main"));
  Accepts(gitlab("ref = { glob = \"tags/*\" }"));
  Refuses(TokenRule("{ repository_id = \"1\", ref = \"refs/pull/12/merge\" }", "write"),
          "each branch may write");
  Accepts(github("refs/heads/release/*"));
  Accepts(github("refs/tags/v*"));
}

// What the server would not ask for keys is found here, at the place of the value.
TEST(PolicyText, AnIssuersUrlIsOneThatTheServerAsks) {
  for (const char* good :
       {"https://h", "https://h:8443/realms/a", "http://127.0.0.1:80", "http://[::1]"}) {
    STRCMP_EQUAL("", FirstError(Issuer(good)).c_str());
  }
  for (const char* bad :
       {"http://127.0.0.1.evil.example", "http://localhost.evil.example", "https://u@h",
        "https://h/?x", "https://h#x", "https://", "http://h", "ftp://h", "HTTPS://h"}) {
    STRCMP_CONTAINS("line 3, column 7: url ", FirstError(Issuer(bad)).c_str());
  }
}

TEST(PolicyText, ACaFileIsLookedAt) {
  std::string asked;
  CheckFile refuses = [&](const std::string& path) {
    asked = path;
    return Status::InvalidArgument(path + " is missing");
  };
  ParsedPolicy parsed = ParsePolicy(Issuer("https://h", "ca_file = \"/x.pem\"\n"), refuses);
  CHECK(parsed.errors.empty());
  STRCMP_EQUAL("line 4, column 11: /x.pem is missing", parsed.troubles.front().c_str());
  STRCMP_EQUAL("/x.pem", parsed.policy.issuers[0].ca_file.c_str());
  CHECK_FALSE(CheckCaFile("/nonexistent").ok());
  CHECK_FALSE(CheckCaFile("/dev/null").ok());
  CHECK_FALSE(CheckCaFile("tests/data").ok());
  CHECK_FALSE(CheckCaFile("tests/data/policy.toml").ok());
}

// Each of them would let in people whom its author never meant.
TEST(PolicyText, RulesForTokensPinTheirOwner) {
  STRCMP_EQUAL(
      "", FirstError(std::string(kGood) + "[[rules]]\n" + TokenRule("{ repository_id = \"1\" }"))
              .c_str());
  Refuses("issuer = \"github\"\nstates = [\"a/*\"]\nrole = \"read\"\n", "has to name claims");
  Refuses(TokenRule("{}"), "has to name claims");
  Refuses(TokenRule("{ repository = \"acme/infra\" }"), "repository_owner_id or repository_id");
  Refuses(TokenRule("{ sub = \"repo:acme/infra:ref:refs/heads/main\" }"), "repository_owner_id");
  Refuses(TokenRule("{ repository_id = { glob = \"1*\" }, ref = \"x\" }"), "repository_owner_id");
  Refuses(TokenRule("{ repository_id = \"1\" }", "write"), "ref, environment or");
  Refuses(TokenRule("{ repository_id = \"1\", sub = { glob = \"*\" } }"), "stars alone");
  Refuses(TokenRule("{ repository_id = \"1\", sub = { glob = \"*:x\" } }"), "begins with a star");
  Refuses(TokenRule("{ repository_id = \"1\", event_name = { glob = \"p*\" } }"), "named exactly");
  Refuses(TokenRule("{ project_path = \"a/b\" }", "read", "gl"), "namespace_id or project_id");
  Refuses(TokenRule("{ project_id = \"1\" }", "write", "gl"), "ref, ref_protected");
  std::string other = "[issuers.o]\nurl = \"https://x.example.org\"\naudiences = [\"a\"]\n";
  CHECK(
      FirstError(other + "[[rules]]\n" + TokenRule("{ repository_owner_id = \"1\" }", "read", "o"))
          .find("claims of GitHub") != std::string::npos);
  STRCMP_EQUAL(
      "", FirstError(other + "[[rules]]\n" + TokenRule("{ sub = \"a\" }", "write", "o")).c_str());
  CHECK(FirstError(other + "[[rules]]\n" + TokenRule("{ sub = { glob = \"a*\" } }", "read", "o"))
            .find("named exactly") != std::string::npos);
}

// A GitLab on one's own host, without its kind: each of its pipelines fits.
TEST(PolicyText, ClaimsThatOthersMayUseTooHintAtAKind) {
  const auto hint = [](const std::string& kind, const std::string& claims) {
    const ParsedPolicy parsed = ParsePolicy(
        "[issuers.x]\nurl = \"https://code.example.org\"\naudiences = [\"a\"]\n" + kind +
        "[[rules]]\nissuer = \"x\"\nstates = [\"a/*\"]\nrole = \"write\"\nclaims = {" + claims +
        "}\n");
    STRCMP_EQUAL("", parsed.errors.empty() ? "" : parsed.errors.front().c_str());
    return LikelyKind(parsed.policy.rules.at(0));
  };
  const std::string gitlab = R"(project_id = "42", ref = "main")";
  STRCMP_CONTAINS("project_id is a claim of GitLab", hint("", gitlab).c_str());
  STRCMP_CONTAINS("kind = \"gitlab\"", hint("", gitlab).c_str());
  STRCMP_EQUAL("", hint("kind = \"gitlab\"\n", gitlab).c_str());
  STRCMP_CONTAINS("GitLab", hint("", R"(sub = "a", pipeline_source = "push")").c_str());
  STRCMP_CONTAINS("GitHub", hint("", R"(sub = "a", event_name = "push")").c_str());
  STRCMP_CONTAINS("GitHub", hint("", R"(repository_id = "7", ref = "main")").c_str());
  STRCMP_EQUAL("", hint("", R"(sub = "a", ref = "main")").c_str());
}

TEST_GROUP(PolicyFile) {
  FakeClock clock;
  Log log{LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kFatal};
  std::string path;

  void setup() override {
    char name[] = "/tmp/stateward-policy-XXXXXX";
    int fd = mkstemp(name);
    CHECK(fd >= 0);
    close(fd);
    path = name;
  }
  void teardown() override { unlink(path.c_str()); }
  void Write(const std::string& text) {
    // Another file each time, as editors and configuration tools do it.
    std::string next = path + ".new";
    FILE* f = fopen(next.c_str(), "w");
    fputs(text.c_str(), f);
    fclose(f);
    chmod(next.c_str(), 0640);
    LONGS_EQUAL(0, rename(next.c_str(), path.c_str()));
  }
  size_t Rules(PolicyFile & file) { return file.Current()->rules.size(); }
};

TEST(PolicyFile, IsReadAnewAtMostOnceASecond) {
  Write(kGood);
  PolicyFile file(clock, log, path);
  LONGS_EQUAL(1, Rules(file));
  Write(std::string(kGood) + "[[rules]]\nuser = \"alice\"\nstates = [\"b/*\"]\nrole = \"read\"\n");
  LONGS_EQUAL(1, Rules(file));
  clock.Advance(1001);
  LONGS_EQUAL(2, Rules(file));
}

TEST(PolicyFile, ABadNewFileLeavesTheOldOneInForce) {
  Write(kGood);
  PolicyFile file(clock, log, path);
  CHECK(file.Check().ok());
  for (const char* bad : {"[[rules]]\nuser = \"nobody\"\n", "not toml", ""}) {
    if (*bad == '\0') {
      unlink(path.c_str());
    } else {
      Write(bad);
    }
    clock.Advance(1001);
    LONGS_EQUAL(1, Rules(file));
    CHECK_FALSE(file.Check().ok());
    CHECK(file.Loaded());
  }
  Write(kGood);
  clock.Advance(1001);
  CHECK(file.Check().ok());
}

TEST(PolicyFile, ABadFirstFileLetsNobodyIn) {
  Write("x = 1\n");
  PolicyFile file(clock, log, path);
  CHECK_FALSE(file.Loaded());
  LONGS_EQUAL(0, Rules(file));
  STRCMP_CONTAINS("line 1, column 1", file.Check().detail().c_str());
  Write(kGood);
  clock.Advance(1001);
  LONGS_EQUAL(1, Rules(file));
  CHECK(file.Loaded());
}

// One issuer's CA file keeps nobody else out at a start, and never exchanges a policy that works
// for one that does not; it is looked at again by and by.
TEST(PolicyFile, TheTroubleOfOneIssuerIsItsOwn) {
  std::string ca = path + ".ca";
  std::string with_ca = std::string(kGood) + Issuer("https://h", "ca_file = \"" + ca + "\"\n");
  Write(with_ca);
  PolicyFile file(clock, log, path);
  CHECK(file.Loaded());
  LONGS_EQUAL(1, Rules(file));
  STRCMP_CONTAINS(ca.c_str(), file.Check().detail().c_str());
  Write(kGood);
  clock.Advance(1001);
  CHECK(file.Check().ok());
  LONGS_EQUAL(2, file.Current()->issuers.size());
  Write(with_ca);
  clock.Advance(1001);
  CHECK_FALSE(file.Check().ok());
  LONGS_EQUAL(2, file.Current()->issuers.size());
  LONGS_EQUAL(0, system(("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
                         "-keyout /dev/null -subj /CN=ca -out " +
                         ca + " 2>/dev/null")
                            .c_str()));
  clock.Advance(61000);
  CHECK(file.Check().ok());
  LONGS_EQUAL(3, file.Current()->issuers.size());
  unlink(ca.c_str());
}

TEST(PolicyFile, HashesAreNotForEverybody) {
  Write(kGood);
  chmod(path.c_str(), 0644);
  PolicyFile file(clock, log, path);
  CHECK_FALSE(file.Loaded());
}

}  // namespace stateward
