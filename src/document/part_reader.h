// Reads one object of a state document: a resource instance, or an output.
#ifndef STATEWARD_DOCUMENT_PART_READER_H_
#define STATEWARD_DOCUMENT_PART_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json_walker.h"
#include "document/document_parts.h"
#include "document/token_digest.h"
#include "stateward/status.h"

namespace stateward {

// The paths under `sensitive_attributes`: [[{"type":"get_attr","value":"password"}, …], …].
class SensitivePaths {
 public:
  explicit SensitivePaths(Part* part) : part_(*part) {}
  void Key(size_t depth, std::string_view raw);
  void Value(size_t depth, JsonKind kind, std::string_view raw);
  void Close(size_t depth);

 private:
  Part& part_;
  enum class Field : uint8_t { kOther, kType, kValue };
  Field field_ = Field::kOther;
  size_t step_ = 0;         // of the path, from 1
  std::string_view type_;   // of the first step
  std::string_view value_;  // of the first step
};

// Fills `part` from an object: members, id, deposed, sensitive marks.
class PartReader : public JsonSink {
 public:
  // `digest`: whose buffer is used; the same one for all parts of a document.
  PartReader(Part* part, TokenDigest* digest) : part_(*part), digest_(*digest), paths_(part) {}

  // `text`: the object, which a walk has accepted before.
  Status Read(std::string_view text);

  std::string_view index_key;    // JSON, "" when there is none
  std::string_view deposed_key;  // raw
  bool sensitive = false;        // of an output

  const char* Key(size_t depth, std::string_view raw) override;
  const char* Value(size_t depth, JsonKind kind, std::string_view raw) override;
  void Close(size_t) override {}
  void CloseAt(size_t depth, const char* behind) override;

 private:
  enum class Field : uint8_t { kOther, kIndexKey, kDeposed, kAttributes, kFlat, kPaths, kMark };
  const char* Refuse(const char* why);
  const char* OfPart(JsonKind kind, std::string_view raw);
  const char* Begin(size_t depth, std::string_view name, bool meta);
  void End(std::string_view text);

  Part& part_;
  TokenDigest& digest_;
  SensitivePaths paths_;
  Field field_ = Field::kOther;
  uint32_t seen_ = 0;             // bits of Field
  std::string_view name_;         // of the part's member that is read
  bool in_attributes_ = false;    // the members at depth 2 are attributes
  size_t member_depth_ = 0;       // of the member's value that is read; 0: none
  const char* opened_ = nullptr;  // the member's value, when it is a container
  const char* refused_ = nullptr;
};

}  // namespace stateward

#endif  // STATEWARD_DOCUMENT_PART_READER_H_
