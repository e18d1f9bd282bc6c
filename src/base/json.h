// Small JSON documents: lock info, our own records, a service's short answers. Never a state
// (document/document_scanner.h). The only user of cJSON, behind a check that is stricter than
// cJSON.
//
// Writing: base/json_writer.h, included here.
#ifndef STATEWARD_BASE_JSON_H_
#define STATEWARD_BASE_JSON_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "stateward/bytes.h"
#include "stateward/result.h"

struct cJSON;

namespace stateward {

// A LockInfo is 250 bytes, a lock record at most 17 KiB, a key set of an issuer some KiB.
inline constexpr size_t kSmallJsonMaxBytes = size_t{64} * 1024;
// Ours are 3 deep; the tree is freed recursively.
inline constexpr size_t kSmallJsonMaxDepth = 32;

// For documents that have bounds of their own.
struct JsonBounds {
  size_t max_bytes = kSmallJsonMaxBytes;
  size_t max_depth = kSmallJsonMaxDepth;
};

// An object of a parsed document. A value: copies share the document and keep it alive.
// Thread-safe, as nothing can be changed. Member names are compared exactly.
//
// A getter gives nullopt when the member is absent or of another type.
class JsonObject {
 public:
  bool Has(const std::string& key) const;
  // Of its members, as they come.
  std::vector<std::string> Names() const;
  std::optional<std::string> String(const std::string& key) const;
  // Exactly, from the digits: a number without sign, fraction and exponent, or a string that
  // consists of such digits (JsonWriter::Text64); nullopt above 2^64-1.
  std::optional<uint64_t> Uint(const std::string& key) const;
  // A number as it is written: its digits, with sign, fraction and exponent if there are any.
  std::optional<std::string> Number(const std::string& key) const;
  std::optional<bool> Bool(const std::string& key) const;
  std::optional<JsonObject> Object(const std::string& key) const;
  // nullopt too when an element is not an object, or not a string.
  std::optional<std::vector<JsonObject>> Objects(const std::string& key) const;
  std::optional<std::vector<std::string>> Strings(const std::string& key) const;

 private:
  struct Document;
  friend Result<JsonObject> ParseSmallJson(ByteView text, const JsonBounds& bounds);
  JsonObject(std::shared_ptr<const Document> document, const cJSON* node)
      : document_(std::move(document)), node_(node) {}
  const cJSON* Member(const std::string& key) const;

  std::shared_ptr<const Document> document_;
  const cJSON* node_;
};

// kInvalidArgument: larger or deeper than above; not exactly one JSON object in UTF-8; a \u0000
// (cJSON would cut the string there); two names in one object that are the same, or that a reader
// which ignores case takes for the same; a lone surrogate (cJSON refuses it); a number of more than
// 63 characters. The text holds no byte of the input.
// Not for secrets: the copies that the tree holds are not wiped.
Result<JsonObject> ParseSmallJson(ByteView text, const JsonBounds& bounds = {});

// Digits only, no leading zero, at most 2^64-1.
std::optional<uint64_t> ParseUint64(std::string_view digits);

}  // namespace stateward

#endif  // STATEWARD_BASE_JSON_H_
