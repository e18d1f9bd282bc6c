#include "auth/policy_reader.h"

#include <utility>

#include "auth/policy_lint.h"

namespace stateward {

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

void PolicyReader::ReadTables(const toml::table& root, std::string_view key, size_t limit,
                              ReadOne read) {
  const toml::table* tables = Tables(root, key, limit);
  if (tables == nullptr) return;
  for (auto&& [name, value] : *tables) {
    const toml::table* table = value.as_table();
    if (table != nullptr) (this->*read)(std::string(name.str()), *table);
  }
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

void PolicyReader::Read(const toml::table& root) {
  OnlyKeys(root, {"issuers", "users", "tokens", "rules", "locks"});
  ReadTables(root, "issuers", kMaxPolicyIssuers, &PolicyReader::ReadIssuer);
  ReadTables(root, "users", kMaxPolicyUsers, &PolicyReader::ReadUser);
  ReadTables(root, "tokens", kMaxPolicyTokens, &PolicyReader::ReadToken);
  ReadList(root, "rules", &PolicyReader::ReadRule);
  ReadList(root, "locks", &PolicyReader::ReadLocks);
}

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
