// Answers questions to the rule evaluator, for tests/policy/compare.py. Each line of the input is
//   P <file>                                     read this policy from now on
//   <kind> TAB <name> TAB <claims> TAB <project> TAB <state>
// and each question gets a line: role, "s" or "-" for sensitive outputs, name of the rule or "-".
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "auth/policy.h"
#include "auth/roles.h"

namespace stateward {
namespace {

bool Load(const std::string& path, Policy* out) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  ParsedPolicy parsed = ParsePolicy(text.str());
  for (const std::string& error : parsed.errors) std::cerr << path << ": " << error << "\n";
  if (!parsed.errors.empty()) return false;
  *out = std::move(parsed.policy);
  return true;
}

std::vector<std::string> Split(const std::string& line) {
  std::vector<std::string> parts;
  std::istringstream in(line);
  for (std::string part; std::getline(in, part, '\t');) parts.push_back(part);
  return parts;
}

bool Answer(const Policy& policy, const std::string& line) {
  std::vector<std::string> parts = Split(line);
  if (parts.size() != 5) return false;
  Subject subject;
  subject.kind = static_cast<SubjectKind>(parts[0][0] - '0');
  subject.name = parts[1];
  std::optional<JsonObject> claims;
  if (subject.kind == SubjectKind::kIssuer) {
    Result<JsonObject> parsed = ParseSmallJson(parts[2]);
    if (!parsed.ok()) return false;
    claims = std::move(*parsed);
    subject.claims = &*claims;
  }
  Decision decision = Decide(policy.rules, subject, parts[3], parts[4]);
  std::cout << DescribeRights(decision.rights) << " " << (decision.sensitive ? "s" : "-") << " "
            << (decision.rules.empty() ? "-" : RuleNames(decision)) << "\n";
  return true;
}

int Run() {
  Policy policy;
  for (std::string line; std::getline(std::cin, line);) {
    bool ok = line.compare(0, 2, "P ") == 0 ? Load(line.substr(2), &policy) : Answer(policy, line);
    if (!ok) {
      std::cerr << "cannot read: " << line << "\n";
      return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace stateward

int main() { return stateward::Run(); }
