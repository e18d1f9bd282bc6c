#include "base/json.h"

#include <cjson/cJSON.h>

#include <charconv>
#include <set>
#include <system_error>
#include <utility>

#include "base/json_text.h"
#include "base/json_walker.h"

namespace stateward {
namespace {

// Some builds of cJSON end a number there. 2^64 has 20 digits.
constexpr size_t kNumberMaxChars = 63;

struct TreeDeleter {
  void operator()(cJSON* tree) const { cJSON_Delete(tree); }
};
using Tree = std::unique_ptr<cJSON, TreeDeleter>;

bool HoldsNul(std::string_view raw) {
  if (raw.find('\\') == std::string_view::npos) return false;  // the walker refuses a raw one
  for (size_t at = 0; at < raw.size();) {
    if (NextJsonChar(raw, &at) == 0) return true;
  }
  return false;
}

// Refuses what is valid JSON but what cJSON, or another reader of the same bytes, would see
// differently; and keeps the digits of the numbers, which cJSON turns into doubles.
class PreScan : public JsonSink {
 public:
  explicit PreScan(std::vector<std::string_view>* numbers) : numbers_(numbers) {}

  const char* Key(size_t depth, std::string_view raw) override {
    if (HoldsNul(raw)) return kNul;
    if (names_.size() < depth) names_.resize(depth);
    return names_[depth - 1].insert(JsonFold(raw)).second ? nullptr : "a name stands twice";
  }
  const char* Value(size_t, JsonKind kind, std::string_view raw) override {
    if (kind == JsonKind::kString && HoldsNul(raw)) return kNul;
    if (kind == JsonKind::kNumber) {
      if (raw.size() > kNumberMaxChars) return "a number of more than 63 characters";
      numbers_->push_back(raw);
    }
    return nullptr;
  }
  void Close(size_t depth) override {
    if (names_.size() > depth) names_[depth].clear();
  }

 private:
  static constexpr const char* kNul = "a \\u0000";
  // By depth - 1: the folded names seen so far in the object that is open there.
  std::vector<std::set<std::string>> names_;
  std::vector<std::string_view>* const numbers_;
};

// Writes into valueint of each number its place in document order; returns how many there were.
int NumberThem(cJSON* node, int next) {
  for (; node != nullptr; node = node->next) {
    if (cJSON_IsNumber(node)) node->valueint = next++;
    next = NumberThem(node->child, next);
  }
  return next;
}

}  // namespace

struct JsonObject::Document {
  std::string text;
  std::vector<std::string_view> numbers;  // in document order, into text
  Tree tree;
};

Result<JsonObject> ParseSmallJson(ByteView text, const JsonBounds& bounds) {
  if (text.size() > bounds.max_bytes) {
    return Status::InvalidArgument("JSON of more than " + std::to_string(bounds.max_bytes) +
                                   " bytes");
  }
  auto document = std::make_shared<JsonObject::Document>();
  document->text = text.AsString();
  PreScan scan(&document->numbers);
  const JsonLimits limits{bounds.max_depth, bounds.max_depth};
  STATEWARD_RETURN_IF_ERROR(WalkJson(document->text, limits, &scan));

  // The NUL behind the text counts: only then does cJSON check that nothing follows.
  const char* end = nullptr;
  document->tree.reset(
      cJSON_ParseWithLengthOpts(document->text.c_str(), document->text.size() + 1, &end, 1));
  cJSON* const root = document->tree.get();
  if (!cJSON_IsObject(root)) return Status::InvalidArgument("a lone surrogate");
  if (NumberThem(root, 0) != static_cast<int>(document->numbers.size())) {
    return Status::Internal("cJSON sees other numbers than the walker");
  }
  return JsonObject(std::move(document), root);
}

std::optional<uint64_t> ParseUint64(std::string_view digits) {
  uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [behind, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || behind != end) return std::nullopt;
  if (digits.size() > 1 && digits[0] == '0') return std::nullopt;
  return value;
}

const cJSON* JsonObject::Member(const std::string& key) const {
  return cJSON_GetObjectItemCaseSensitive(node_, key.c_str());
}

bool JsonObject::Has(const std::string& key) const { return Member(key) != nullptr; }

std::vector<std::string> JsonObject::Names() const {
  std::vector<std::string> names;
  const cJSON* member = nullptr;
  cJSON_ArrayForEach(member, node_) names.emplace_back(member->string);
  return names;
}

std::optional<std::string> JsonObject::String(const std::string& key) const {
  const cJSON* const member = Member(key);
  if (!cJSON_IsString(member)) return std::nullopt;
  return member->valuestring;
}

std::optional<uint64_t> JsonObject::Uint(const std::string& key) const {
  const cJSON* const member = Member(key);
  if (cJSON_IsString(member)) return ParseUint64(member->valuestring);
  if (!cJSON_IsNumber(member)) return std::nullopt;
  return ParseUint64(document_->numbers[static_cast<size_t>(member->valueint)]);
}

std::optional<std::string> JsonObject::Number(const std::string& key) const {
  const cJSON* const member = Member(key);
  if (!cJSON_IsNumber(member)) return std::nullopt;
  return std::string(document_->numbers[static_cast<size_t>(member->valueint)]);
}

std::optional<bool> JsonObject::Bool(const std::string& key) const {
  const cJSON* const member = Member(key);
  if (!cJSON_IsBool(member)) return std::nullopt;
  return cJSON_IsTrue(member) != 0;
}

std::optional<JsonObject> JsonObject::Object(const std::string& key) const {
  const cJSON* const member = Member(key);
  if (!cJSON_IsObject(member)) return std::nullopt;
  return JsonObject(document_, member);
}

std::optional<std::vector<JsonObject>> JsonObject::Objects(const std::string& key) const {
  const cJSON* const member = Member(key);
  if (!cJSON_IsArray(member)) return std::nullopt;
  std::vector<JsonObject> out;
  for (const cJSON* item = member->child; item != nullptr; item = item->next) {
    if (!cJSON_IsObject(item)) return std::nullopt;
    out.push_back(JsonObject(document_, item));
  }
  return out;
}

std::optional<std::vector<std::string>> JsonObject::Strings(const std::string& key) const {
  const cJSON* const member = Member(key);
  if (!cJSON_IsArray(member)) return std::nullopt;
  std::vector<std::string> out;
  for (const cJSON* item = member->child; item != nullptr; item = item->next) {
    if (!cJSON_IsString(item)) return std::nullopt;
    out.emplace_back(item->valuestring);
  }
  return out;
}

}  // namespace stateward
