#include "document/document_scanner.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/json_text.h"
#include "base/json_walker.h"

namespace stateward {
namespace {

// A character takes at most this many bytes for each byte it has when decoded: \u0041.
constexpr size_t kEscapeFactor = 6;

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<uint8_t>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

// Hears of the top level, and of what lies in its lists.
class DocumentSink : public JsonSink {
 public:
  explicit DocumentSink(ByteView doc) : begin_(doc.AsString().data()) {}

  const char* Key(size_t depth, std::string_view raw) override {
    if (depth > 1) return nullptr;
    field_ = Field::kOther;
    if (JsonKeyFoldsTo(raw, "serial")) return Guarded(raw, "serial", Field::kSerial, &has_serial_);
    if (JsonKeyFoldsTo(raw, "lineage"))
      return Guarded(raw, "lineage", Field::kLineage, &has_lineage_);
    if (raw == "terraform_version") field_ = Field::kTerraformVersion;
    if (raw == "encryption_version") field_ = Field::kEncryptionVersion;
    if (raw == "resources") field_ = Field::kResources;
    return nullptr;
  }

  const char* Value(size_t depth, JsonKind kind, std::string_view raw) override {
    if (depth > 1) {
      if (field_ == Field::kResources && info_.resources) ++*info_.resources;
      return nullptr;
    }
    switch (field_) {
      case Field::kSerial:
        return Serial(kind, raw);
      case Field::kLineage:
        return Lineage(kind, raw);
      case Field::kTerraformVersion:
        TerraformVersion(kind, raw);
        break;
      case Field::kEncryptionVersion:
        info_.encrypted = kind == JsonKind::kString && !raw.empty();
        break;
      case Field::kResources:
        if (kind == JsonKind::kArray) info_.resources = 0;
        break;
      case Field::kOther:
        break;
    }
    return nullptr;
  }

  void Close(size_t) override {}

  Result<DocumentInfo> Take() {
    if (!has_serial_) return Status::InvalidArgument("there is no serial at the top level");
    if (!has_lineage_) return Status::InvalidArgument("there is no lineage at the top level");
    return std::move(info_);
  }

 private:
  enum class Field : uint8_t {
    kOther,
    kSerial,
    kLineage,
    kTerraformVersion,
    kEncryptionVersion,
    kResources,
  };

  // A key that a Go reader takes for serial or lineage.
  const char* Guarded(std::string_view raw, std::string_view name, Field field, bool* seen) {
    if (raw != name) return "serial or lineage is spelt in another way";
    if (*seen) return "serial or lineage stands twice";
    *seen = true;
    field_ = field;
    return nullptr;
  }

  const char* Serial(JsonKind kind, std::string_view raw) {
    // OpenTofu's alpha versions could write null next to encrypted data.
    if (kind == JsonKind::kNull) return "serial is null";
    if (kind != JsonKind::kNumber) return "serial is not a number";
    const char* const end = raw.data() + raw.size();
    const auto [behind, error] = std::from_chars(raw.data(), end, info_.serial);
    if (error == std::errc::result_out_of_range) return "serial is above 2^64-1";
    if (error != std::errc() || behind != end) return "serial is not a plain integer";
    info_.serial_at = static_cast<size_t>(raw.data() - begin_);
    info_.serial_digits = raw.size();
    return nullptr;
  }

  const char* Lineage(JsonKind kind, std::string_view raw) {
    if (kind == JsonKind::kNull) return "lineage is null";
    if (kind != JsonKind::kString) return "lineage is not a string";
    constexpr const char* kTooLong = "lineage is longer than 256 bytes";
    static_assert(kLineageMaxBytes == 256, "the text above");
    if (raw.size() > kLineageMaxBytes * kEscapeFactor) return kTooLong;
    info_.lineage = JsonUnescape(raw);
    if (info_.lineage.size() > kLineageMaxBytes) return kTooLong;
    // Records and other languages' strings end at a NUL; a UUID has none.
    return HasControl(info_.lineage) ? "lineage holds a control character" : nullptr;
  }

  void TerraformVersion(JsonKind kind, std::string_view raw) {
    info_.terraform_version.clear();
    if (kind != JsonKind::kString || raw.size() > kTerraformVersionMaxBytes * kEscapeFactor) return;
    std::string version = JsonUnescape(raw);
    if (version.size() > kTerraformVersionMaxBytes || HasControl(version)) return;
    info_.terraform_version = std::move(version);
  }

  const char* const begin_;
  DocumentInfo info_;
  Field field_ = Field::kOther;
  bool has_serial_ = false;
  bool has_lineage_ = false;
};

}  // namespace

Result<DocumentInfo> ScanDocument(ByteView doc) {
  DocumentSink sink(doc);
  STATEWARD_RETURN_IF_ERROR(WalkJson(doc, JsonLimits{kJsonDepthCap, 2}, &sink));
  return sink.Take();
}

}  // namespace stateward
