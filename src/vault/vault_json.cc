#include "vault/vault_json.h"

#include <vector>

#include "base/json.h"
#include "base/json_text.h"
#include "base/json_walker.h"

namespace stateward {
namespace {

constexpr size_t kMaxErrorText = 200;

struct Found {
  JsonKind kind = JsonKind::kNull;
  std::string_view raw;
};

// Follows one path. Objects on it are entered; what else lies there is passed over.
class PathSink : public JsonSink {
 public:
  explicit PathSink(JsonPath path) : path_(path), seen_(path.size(), false) {}

  const char* Key(size_t depth, std::string_view raw) override {
    if (depth != inside_ + 1 || inside_ == path_.size()) return nullptr;
    pending_ = raw == path_[inside_];
    if (!pending_) return nullptr;
    if (seen_[inside_]) return "a name that stands twice";
    seen_[inside_] = true;
    return nullptr;
  }
  const char* Value(size_t depth, JsonKind kind, std::string_view raw) override {
    if (depth != inside_ + 1 || !pending_) return nullptr;
    pending_ = false;
    if (inside_ + 1 == path_.size()) {
      found_ = Found{kind, raw};
    } else if (kind == JsonKind::kObject) {
      ++inside_;
    }
    return nullptr;
  }
  void Close(size_t depth) override {
    if (inside_ > 0 && depth == inside_) --inside_;
  }

  const std::optional<Found>& found() const { return found_; }

 private:
  const std::vector<std::string_view> path_;
  std::vector<bool> seen_;
  size_t inside_ = 0;     // so many objects of the path are open
  bool pending_ = false;  // the next value is the one that the path names
  std::optional<Found> found_;
};

Result<std::optional<Found>> Find(ByteView document, JsonPath path) {
  PathSink sink(path);
  JsonLimits limits;
  limits.report_depth = path.size();
  STATEWARD_RETURN_IF_ERROR(WalkJson(document, limits, &sink));
  return sink.found();
}

class NoSink : public JsonSink {
 public:
  const char* Key(size_t, std::string_view) override { return nullptr; }
  const char* Value(size_t, JsonKind, std::string_view) override { return nullptr; }
  void Close(size_t) override {}
};

class ErrorSink : public JsonSink {
 public:
  const char* Key(size_t depth, std::string_view raw) override {
    if (depth == 1) inside_ = raw == "errors";
    return nullptr;
  }
  const char* Value(size_t depth, JsonKind kind, std::string_view raw) override {
    if (depth == 2 && inside_ && kind == JsonKind::kString && text.empty()) {
      text = JsonUnescape(raw.substr(0, raw.find('\\')));
    }
    return nullptr;
  }
  void Close(size_t) override {}

  std::string text;

 private:
  bool inside_ = false;
};

}  // namespace

Result<std::optional<SecretString>> JsonText(ByteView document, JsonPath path) {
  Result<std::optional<Found>> found = Find(document, path);
  if (!found.ok()) return found.status();
  if (!*found || (*found)->kind != JsonKind::kString) return std::optional<SecretString>();
  const std::string_view raw = (*found)->raw;
  SecretBytes text;
  text.reserve(raw.size());
  for (size_t at = 0; at < raw.size();) {
    const uint32_t c = NextJsonChar(raw, &at);
    if (c > 0x7F) return std::optional<SecretString>();
    text.push_back(static_cast<uint8_t>(c));
  }
  return std::optional<SecretString>(SecretString(std::move(text)));
}

Result<std::optional<uint64_t>> JsonNumber(ByteView document, JsonPath path) {
  Result<std::optional<Found>> found = Find(document, path);
  if (!found.ok()) return found.status();
  if (!*found || (*found)->kind != JsonKind::kNumber) return std::optional<uint64_t>();
  return ParseUint64((*found)->raw);
}

Result<std::optional<bool>> JsonBool(ByteView document, JsonPath path) {
  Result<std::optional<Found>> found = Find(document, path);
  if (!found.ok()) return found.status();
  if (!*found) return std::optional<bool>();
  if ((*found)->kind == JsonKind::kTrue) return std::optional<bool>(true);
  if ((*found)->kind == JsonKind::kFalse) return std::optional<bool>(false);
  return std::optional<bool>();
}

Status CheckJson(ByteView document) {
  NoSink sink;
  return WalkJson(document, {}, &sink);
}

std::string FirstVaultError(ByteView document) {
  ErrorSink sink;
  JsonLimits limits;
  limits.report_depth = 2;
  if (!WalkJson(document, limits, &sink).ok()) return "";
  return sink.text.substr(0, kMaxErrorText);
}

}  // namespace stateward
