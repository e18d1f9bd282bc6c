#include "document/part_reader.h"

#include <utility>

#include "base/json_text.h"

namespace stateward {
namespace {

constexpr size_t kPart = 1;       // depths: members of the instance,
constexpr size_t kAttribute = 2;  // its attributes

// Between its quotes, from what a sink gets of a string.
std::string_view Quoted(std::string_view raw) { return {raw.data() - 1, raw.size() + 2}; }

std::string_view Plain(JsonKind kind, std::string_view raw) {
  switch (kind) {
    case JsonKind::kString:
      return Quoted(raw);
    case JsonKind::kTrue:
      return "true";
    case JsonKind::kFalse:
      return "false";
    case JsonKind::kNull:
      return "null";
    default:
      return raw;
  }
}

char Letter(JsonKind kind) {
  switch (kind) {
    case JsonKind::kObject:
      return '{';
    case JsonKind::kArray:
      return '[';
    case JsonKind::kString:
      return 's';
    case JsonKind::kNumber:
      return 'n';
    case JsonKind::kTrue:
      return 't';
    case JsonKind::kFalse:
      return 'f';
    case JsonKind::kNull:
      break;
  }
  return '0';
}

bool IsContainer(JsonKind kind) { return kind == JsonKind::kObject || kind == JsonKind::kArray; }

}  // namespace

void SensitivePaths::Key(size_t depth, std::string_view raw) {
  if (depth != 4) return;
  field_ = raw == "type" ? Field::kType : raw == "value" ? Field::kValue : Field::kOther;
}

void SensitivePaths::Value(size_t depth, JsonKind kind, std::string_view raw) {
  // What has another form says that something is secret, but not what.
  if (depth == 1 && kind != JsonKind::kArray && kind != JsonKind::kNull) part_.all_sensitive = true;
  if (depth == 2) {
    step_ = 0;
    type_ = value_ = {};
    if (kind != JsonKind::kArray) part_.all_sensitive = true;
  }
  if (depth == 3) {
    ++step_;
    if (kind != JsonKind::kObject) part_.all_sensitive = true;
  }
  if (depth != 4 || step_ != 1 || kind != JsonKind::kString) return;
  if (field_ == Field::kType) type_ = raw;
  if (field_ == Field::kValue) value_ = raw;
}

void SensitivePaths::Close(size_t depth) {
  if (depth != 2) return;
  if (type_ == "get_attr" && !value_.empty()) {
    part_.sensitive.insert(JsonUnescape(value_));
  } else {
    part_.all_sensitive = true;
  }
}

Status PartReader::Read(std::string_view text) {
  Status walked = WalkJson(text, {kJsonDepthCap, kJsonDepthCap}, this);
  if (walked.ok()) return walked;
  // Its place is that within the part; the whole text has been accepted before.
  if (refused_ == nullptr) return Status::Internal("a part that was accepted is no JSON");
  const bool many = part_.members.size() >= kMaxMembers;
  return {many ? Code::kTooLarge : Code::kConflict,
          std::string("the document is not clear: ") + refused_};
}

const char* PartReader::Refuse(const char* why) { return refused_ = why; }

const char* PartReader::Key(size_t depth, std::string_view raw) {
  if (depth == kPart) {
    field_ = JsonKeyFoldsTo(raw, "index_key")              ? Field::kIndexKey
             : JsonKeyFoldsTo(raw, "deposed")              ? Field::kDeposed
             : JsonKeyFoldsTo(raw, "attributes")           ? Field::kAttributes
             : JsonKeyFoldsTo(raw, "attributes_flat")      ? Field::kFlat
             : JsonKeyFoldsTo(raw, "sensitive_attributes") ? Field::kPaths
             : JsonKeyFoldsTo(raw, "sensitive")            ? Field::kMark
                                                           : Field::kOther;
    const uint32_t bit = 1U << static_cast<unsigned>(field_);
    if (field_ != Field::kOther && (seen_ & bit) != 0) return Refuse("a key stands twice");
    seen_ |= bit;
    name_ = raw;
    return nullptr;
  }
  if (field_ == Field::kPaths) paths_.Key(depth, raw);
  if (depth == kAttribute && in_attributes_) return Begin(kAttribute, raw, false);
  if (member_depth_ == 0) return nullptr;
  digest_.Add('k', raw);
  return nullptr;
}

const char* PartReader::Value(size_t depth, JsonKind kind, std::string_view raw) {
  if (depth == kPart) {
    const char* const refusal = OfPart(kind, raw);
    if (refusal != nullptr || member_depth_ == 0) return refusal;
  }
  if (field_ == Field::kPaths) paths_.Value(depth, kind, raw);
  if (member_depth_ == 0) return nullptr;
  digest_.Add(Letter(kind), raw);
  if (depth != member_depth_) return nullptr;
  if (IsContainer(kind)) {
    opened_ = raw.data();
    return nullptr;
  }
  const bool id = in_attributes_ && kind == JsonKind::kString && part_.members.back().name == "id";
  if (id) part_.id = JsonUnescape(raw);
  End(Plain(kind, raw));
  return nullptr;
}

// A member of the instance or the output itself.
const char* PartReader::OfPart(JsonKind kind, std::string_view raw) {
  switch (field_) {
    case Field::kIndexKey:
      if (kind == JsonKind::kNull) return nullptr;
      if (IsContainer(kind)) return Refuse("an index_key is a list");
      index_key = Plain(kind, raw);
      return nullptr;
    case Field::kDeposed:
      if (kind != JsonKind::kString) return Refuse("a deposed key is no text");
      deposed_key = raw;
      part_.deposed = !raw.empty();
      return nullptr;
    case Field::kAttributes:
    case Field::kFlat:
      if (kind == JsonKind::kNull) return nullptr;
      if (kind != JsonKind::kObject) return Refuse("attributes are no object");
      in_attributes_ = true;
      return nullptr;
    case Field::kMark:
      sensitive = kind != JsonKind::kFalse;
      [[fallthrough]];
    case Field::kPaths:
    case Field::kOther:
      return Begin(kPart, name_, true);
  }
  return nullptr;
}

const char* PartReader::Begin(size_t depth, std::string_view name, bool meta) {
  if (part_.members.size() == kMaxMembers) return Refuse("too many attributes");
  Member member;
  member.name = name;
  member.meta = meta;
  part_.members.push_back(member);
  member_depth_ = depth;
  return nullptr;
}

void PartReader::End(std::string_view text) {
  part_.members.back().text = text;
  part_.members.back().digest = digest_.Finish();
  member_depth_ = 0;
}

void PartReader::CloseAt(size_t depth, const char* behind) {
  if (field_ == Field::kPaths) paths_.Close(depth);
  if (depth == kPart && in_attributes_) in_attributes_ = false;
  if (member_depth_ == 0) return;
  digest_.Add('e', {});
  if (depth != member_depth_) return;
  End({opened_, static_cast<size_t>(behind - opened_)});
}

}  // namespace stateward
