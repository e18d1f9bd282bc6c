// A slow JSON reader for tests to compare with: recursive, builds a tree, shares no code with
// src/base. It decodes first and judges the result afterwards, where the product judges bytes.
#ifndef STATEWARD_TESTS_DOUBLES_REFERENCE_JSON_H_
#define STATEWARD_TESTS_DOUBLES_REFERENCE_JSON_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stateward::reference {

struct Text {
  std::u32string decoded;
  std::string raw;
  bool lone_surrogate = false;  // \ud800 without its partner; decoded holds U+FFFD for it
};

struct Value {
  char kind = 'n';  // o a s 0 t f n
  Text string;
  std::string number;
  std::vector<std::pair<Text, Value>> members;  // an array's elements have empty names
};

// nullopt: not one JSON value in UTF-8, or containers more than max_depth within each other.
std::optional<Value> ParseJson(std::string_view text, size_t max_depth);

std::string ToUtf8(const std::u32string& text);
// As Go's encoding/json compares keys with names in ASCII.
std::u32string Fold(const std::u32string& key);

struct Document {
  uint64_t serial = 0;
  std::string lineage;
  std::string terraform_version;
  bool encrypted = false;
};
// What ScanDocument() promises.
std::optional<Document> ReadDocument(std::string_view text);

// What ParseSmallJson() promises to take.
bool IsSmallJson(std::string_view text);

}  // namespace stateward::reference

#endif  // STATEWARD_TESTS_DOUBLES_REFERENCE_JSON_H_
