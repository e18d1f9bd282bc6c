// Reads the policy's TOML: of src/auth alone. toml++ is told not to throw.
//
// Used by one thread. Errors have line and column of what is wrong, and the rest is read all the
// same, so that all of them are named at once.
#ifndef STATEWARD_AUTH_POLICY_READER_H_
#define STATEWARD_AUTH_POLICY_READER_H_

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <algorithm>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "auth/policy.h"

namespace stateward {

// Fills a ParsedPolicy from the tables of the file. policy_reader.cc: what each part is read with;
// policy_principals.cc: issuers, users, tokens; policy_rules.cc: rules and locks.
class PolicyReader {
 public:
  PolicyReader(ParsedPolicy* out, const CheckFile& check_ca) : out_(out), check_ca_(check_ca) {}

  void Read(const toml::table& root);
  void Error(const toml::source_region& where, const std::string& what) {
    out_->errors.push_back(At(where, what));
  }

 private:
  static constexpr size_t kMaxList = 1000;  // texts of one list: more is a mistake

  static std::string At(const toml::source_region& where, const std::string& what) {
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

}  // namespace stateward

#endif  // STATEWARD_AUTH_POLICY_READER_H_
