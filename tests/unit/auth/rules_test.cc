// The decision table (tests/data/policy.table), and a random comparison with another evaluator
// (tests/policy/reference.py, which runs this binary's batch mode).
#include "auth/rules.h"

#include <CppUTest/TestHarness.h>

#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "auth/policy.h"
#include "auth/roles.h"
#include "base/glob.h"

namespace stateward {
namespace {

std::string ReadText(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// "user alice", "token ci", "cert CN=x", "proxy bob" or "jwt ISSUER {claims}".
struct Asked {
  Subject subject;
  std::optional<JsonObject> claims;
};

Asked ParseWho(const std::string& text) {
  Asked asked;
  std::istringstream in(text);
  std::string kind;
  in >> kind >> asked.subject.name;
  if (kind == "user") asked.subject.kind = SubjectKind::kUser;
  if (kind == "token") asked.subject.kind = SubjectKind::kToken;
  if (kind == "cert") asked.subject.kind = SubjectKind::kCertificate;
  if (kind == "proxy") asked.subject.kind = SubjectKind::kProxyUser;
  if (kind != "jwt") return asked;
  asked.subject.kind = SubjectKind::kIssuer;
  std::string claims;
  std::getline(in, claims);
  Result<JsonObject> parsed = ParseSmallJson(claims);
  CHECK_TEXT(parsed.ok(), text.c_str());
  asked.claims = std::move(*parsed);
  asked.subject.claims = &*asked.claims;
  return asked;
}

}  // namespace

TEST_GROUP(Rules){};

TEST(Rules, DecisionTable) {
  ParsedPolicy parsed = ParsePolicy(ReadText("tests/data/policy.toml"));
  for (const std::string& error : parsed.errors) FAIL(error.c_str());
  std::ifstream table("tests/data/policy.table");
  int cases = 0;
  for (std::string line; std::getline(table, line);) {
    if (line.empty() || line[0] == '#') continue;
    size_t bar = line.find(" | ");
    size_t arrow = line.rfind(" => ");
    CHECK_TEXT(bar != std::string::npos && arrow != std::string::npos, line.c_str());
    std::string state = line.substr(bar + 3, arrow - bar - 3);
    size_t slash = state.find('/');
    Asked asked = ParseWho(line.substr(0, bar));
    Decision got =
        Decide(parsed.policy.rules, asked.subject, state.substr(0, slash), state.substr(slash + 1));
    std::string said = DescribeRights(got.rights);
    if (got.rights == kRoleOutputs && got.sensitive) said += "+sensitive";
    if (!got.rules.empty()) said += " by " + RuleNames(got);
    STRCMP_EQUAL_TEXT(line.substr(arrow + 4).c_str(), said.c_str(), line.c_str());
    ++cases;
  }
  CHECK(cases >= 40);
}

TEST(Rules, GlobsOverNestedNames) {
  struct Case {
    const char* glob;
    const char* state;
    bool fits;
  };
  for (const Case& c : {
           Case{"p/*", "p/a", true},
           Case{"p/*", "p/a/b", false},
           Case{"*/*", "p/a/b", false},
           Case{"p/a/*", "p/a/b", true},
           Case{"p/**", "p/a", true},
           Case{"p/**", "p/a/b/c", true},
           Case{"p/**", "q/a", false},
           Case{"**/b", "p/b", true},
           Case{"**/b", "p/a/b", true},
           Case{"**/b", "p/a/c", false},
           Case{"p/**/b", "p/b", false},
           Case{"p/**/b", "p/a/b", true},
           Case{"p/**/b", "p/b/a/b", true},
           Case{"p/**/b/**", "p/x/b/b/y", true},
           Case{"p/**/b/**", "p/x/b", false},
           Case{"p/a**", "p/abc", true},
           Case{"p/a**", "p/a/b", false},
       }) {
    CHECK_EQUAL_TEXT(c.fits, StateGlobMatches(c.glob, c.state), c.glob);
  }
  CHECK(CrossesSlashes("p/**") && CrossesSlashes("**/b") && !CrossesSlashes("p/a**"));
}

TEST(Rules, TheWholeStore) {
  struct {
    std::vector<std::string> states;
    bool flat;
    bool nested;
  } const cases[] = {
      {{"*/*"}, true, false},
      {{"*/**"}, true, true},
      {{"**/*"}, true, true},
      {{"**/**"}, true, true},
      {{"**/*/*"}, false, false},
      {{"*/*/*", "*/*"}, true, false},
      {{"*/*/**"}, false, false},
      {{"*/*/**", "*/*"}, true, true},
      {{"*/*/*/**", "*/*"}, true, false},
      {{"net/**", "*/*"}, true, false},
      {{"*/**/a", "*/*"}, true, false},
  };
  for (const auto& one : cases) {
    std::vector<Rule> rules;  // one for each pattern: they add up
    for (const std::string& glob : one.states) {
      Rule rule;
      rule.names = {"ann"};
      rule.states = {glob};
      rule.rights = kRoleAdmin;
      rules.push_back(rule);
    }
    const Subject ann{SubjectKind::kUser, "ann", nullptr};
    CHECK_EQUAL_TEXT(one.flat, !DecideStore(rules, ann, false).Empty(), one.states[0].c_str());
    CHECK_EQUAL_TEXT(one.nested, !DecideStore(rules, ann, true).Empty(), one.states[0].c_str());
    CHECK(DecideStore(rules, {SubjectKind::kUser, "bob", nullptr}, true).Empty());
    // Less with some of them is less with the whole.
    rules.push_back(rules.front());
    rules.back().states = {"*/**"};
    rules.back().rights = kRoleRead;
    CHECK(DecideStore(rules, ann, true) == (one.nested ? kRoleAdmin : kRoleRead));
  }
}

TEST(Rules, Globs) {
  const struct {
    const char* pattern;
    const char* text;
    bool fits;
  } cases[] = {{"a/b", "a/b", true},
               {"a/*", "a/b", true},
               {"a/*", "a/b/c", false},
               {"*/*", "a/b", true},
               {"*", "a/b", false},
               {"a*c/d", "abc/d", true},
               {"a*c/d", "ab/c/d", false},
               {"*a*b*/x", "ab/x", true},
               {"*a*b/x", "aab/x", true},
               {"a/b", "a/bb", false},
               {"", "", true},
               {"*", "", true},
               {"a**b", "ab", true},
               {"*b", "ba", false},
               {"a", "", false}};
  for (const auto& c : cases)
    CHECK_EQUAL_TEXT(c.fits, GlobMatches(c.pattern, c.text, "/"), c.pattern);
  CHECK(GlobMatches("repo:o/*:ref:refs/heads/main", "repo:o/r:ref:refs/heads/main", "/:"));
  CHECK_FALSE(GlobMatches("repo:o/*:ref", "repo:o/r:environment:x:ref", "/:"));
  CHECK_FALSE(GlobMatches("repo:o/*", "repo:o:r", "/:"));
}

}  // namespace stateward
