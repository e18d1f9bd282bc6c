#include "document/outputs.h"

#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hex.h"
#include "base/json_text.h"
#include "base/json_walker.h"
#include "base/json_writer.h"
#include "base/sha256.h"
#include "document/document_scanner.h"

namespace stateward {
namespace {

// Of documents before it, up to Terraform 0.11, the outputs stand with each module.
constexpr std::string_view kVersion = "4";

constexpr size_t kDocument = 1;  // depths: members of the document,
constexpr size_t kOutputs = 2;   // of "outputs",
constexpr size_t kOutput = 3;    // of one output

struct Output {
  std::string_view name;  // raw
  std::string_view value;
  std::string_view type;
  bool sensitive = false;
};

class OutputSink : public JsonSink {
 public:
  const char* Key(size_t depth, std::string_view raw) override;
  const char* Value(size_t depth, JsonKind kind, std::string_view raw) override;
  void Close(size_t) override {}
  void CloseAt(size_t depth, const char* behind) override;

  std::vector<Output> outputs;
  bool encrypted = false;
  bool old_version = false;

 private:
  const char* MemberValue(JsonKind kind, std::string_view raw);

  enum class Member { kOther, kValue, kType, kSensitive };
  bool in_version_ = false;
  bool in_outputs_ = false;
  bool seen_outputs_ = false;
  // Ordered: names whose hashes are equal can be made by the thousand.
  std::set<std::string> names_;
  Member member_ = Member::kOther;
  std::string_view* open_ = nullptr;  // the container that waits for its end
};

constexpr char kTwice[] = "a key stands twice";

const char* OutputSink::Key(size_t depth, std::string_view raw) {
  if (depth == kDocument) {
    encrypted = encrypted || JsonKeyFoldsTo(raw, "encrypted_data");
    in_version_ = JsonKeyFoldsTo(raw, "version");
    in_outputs_ = JsonKeyFoldsTo(raw, "outputs");
    if (in_outputs_ && std::exchange(seen_outputs_, true)) return kTwice;
    return nullptr;
  }
  if (!in_outputs_) return nullptr;
  if (depth == kOutputs) {
    if (!names_.insert(JsonUnescape(raw)).second) return kTwice;
    if (outputs.size() == kMaxOutputs) return "too many outputs";
    outputs.push_back(Output{raw, {}, {}, false});
    return nullptr;
  }
  if (depth != kOutput) return nullptr;
  member_ = JsonKeyFoldsTo(raw, "value")       ? Member::kValue
            : JsonKeyFoldsTo(raw, "type")      ? Member::kType
            : JsonKeyFoldsTo(raw, "sensitive") ? Member::kSensitive
                                               : Member::kOther;
  return nullptr;
}

const char* OutputSink::Value(size_t depth, JsonKind kind, std::string_view raw) {
  if (in_version_ && depth == kDocument) old_version = old_version || raw != kVersion;
  if (!in_outputs_) return nullptr;
  if (depth == kDocument) {
    return kind == JsonKind::kObject || kind == JsonKind::kNull ? nullptr : "no object";
  }
  if (depth == kOutputs) return kind == JsonKind::kObject ? nullptr : "no object";
  return depth == kOutput ? MemberValue(kind, raw) : nullptr;
}

const char* OutputSink::MemberValue(JsonKind kind, std::string_view raw) {
  Output& output = outputs.back();
  if (member_ == Member::kSensitive) {
    output.sensitive = output.sensitive || kind != JsonKind::kFalse;
    return nullptr;
  }
  if (member_ == Member::kOther) return nullptr;
  std::string_view* to = member_ == Member::kValue ? &output.value : &output.type;
  if (!to->empty()) return kTwice;
  switch (kind) {
    case JsonKind::kString:
      *to = {raw.data() - 1, raw.size() + 2};  // with its quotes
      break;
    case JsonKind::kNumber:
      *to = raw;
      break;
    case JsonKind::kTrue:
      *to = "true";
      break;
    case JsonKind::kFalse:
      *to = "false";
      break;
    case JsonKind::kNull:
      *to = "null";
      break;
    case JsonKind::kObject:
    case JsonKind::kArray:
      *to = {raw.data(), 1};
      open_ = to;
      break;
  }
  return nullptr;
}

void OutputSink::CloseAt(size_t depth, const char* behind) {
  if (depth == kDocument) in_outputs_ = false;
  if (depth != kOutput || open_ == nullptr) return;
  *open_ = {open_->data(), static_cast<size_t>(behind - open_->data())};
  open_ = nullptr;
}

void Append(std::string_view text, SecretBytes* out) {
  out->insert(out->end(), text.begin(), text.end());
}

std::string_view OrNull(std::string_view text) { return text.empty() ? "null" : text; }

SecretBytes Render(const std::vector<Output>& outputs, bool sensitive) {
  size_t size = 2;
  for (const Output& o : outputs) size += o.name.size() + o.value.size() + o.type.size() + 64;
  SecretBytes out;
  out.reserve(size);
  Append("{", &out);
  for (const Output& o : outputs) {
    if (o.sensitive && !sensitive) continue;
    if (out.size() > 1) Append(",", &out);
    Append("\"", &out);
    Append(o.name, &out);
    Append(o.sensitive ? "\":{\"sensitive\":true,\"type\":" : "\":{\"sensitive\":false,\"type\":",
           &out);
    Append(OrNull(o.type), &out);
    Append(",\"value\":", &out);
    Append(OrNull(o.value), &out);
    Append("}", &out);
  }
  Append("}", &out);
  return out;
}

// "outputs" of version 4, as they stand in the document.
void AppendMembers(const std::vector<Output>& outputs, bool sensitive, SecretBytes* out) {
  bool first = true;
  for (const Output& o : outputs) {
    // Every client writes a type, and none reads an output without one.
    if ((o.sensitive && !sensitive) || o.type.empty()) continue;
    Append(std::exchange(first, false) ? "\"" : ",\"", out);
    Append(o.name, out);
    Append("\":{\"value\":", out);
    Append(OrNull(o.value), out);
    Append(",\"type\":", out);
    Append(o.type, out);
    Append(o.sensitive ? ",\"sensitive\":true}" : "}", out);
  }
}

// A UUID, of the form that RFC 9562 leaves to its maker (version 8).
std::string DerivedLineage(const std::string& lineage) {
  Sha256Digest digest = Sha256("stateward outputs " + lineage);
  digest[6] = static_cast<uint8_t>((digest[6] & 0x0f) | 0x80);
  digest[8] = static_cast<uint8_t>((digest[8] & 0x3f) | 0x80);
  const std::string hex = HexEncode(digest);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20, 12);
}

Result<std::vector<Output>> ReadOutputs(ByteView document) {
  OutputSink sink;
  Status walked = WalkJson(document, {kJsonDepthCap, kOutput}, &sink);
  if (sink.encrypted) {
    return Status(Code::kConflict, "the client encrypted this state: its outputs cannot be read");
  }
  if (!walked.ok()) {
    return Status(Code::kConflict, "the outputs are not clear: " + walked.detail());
  }
  if (sink.old_version) {
    return Status(Code::kConflict,
                  "this state is not of version 4: its outputs can be read when a client of "
                  "version 0.12 or later has written it");
  }
  return std::move(sink.outputs);
}

}  // namespace

Result<SecretBytes> ExtractOutputs(ByteView document, const std::optional<std::string>& name,
                                   bool sensitive) {
  Result<std::vector<Output>> outputs = ReadOutputs(document);
  if (!outputs.ok()) return std::move(outputs).status();
  if (!name) return Render(*outputs, sensitive);
  for (const Output& output : *outputs) {
    if (JsonUnescape(output.name) != *name) continue;
    if (output.sensitive && !sensitive) {
      return Status(Code::kPermissionDenied, "this output is sensitive");
    }
    std::string_view value = OrNull(output.value);
    return SecretBytes(value.begin(), value.end());
  }
  return Status::NotFound("no such output");
}

Result<SecretBytes> OutputsDocument(ByteView document, bool sensitive) {
  Result<std::vector<Output>> outputs = ReadOutputs(document);
  if (!outputs.ok()) return std::move(outputs).status();
  Result<DocumentInfo> info = ScanDocument(document);
  if (!info.ok()) {
    return Status(Code::kConflict, "the state is not clear: " + info.status().detail());
  }
  JsonWriter head;
  head.BeginObject().Key("version").Int(4);
  if (!info->terraform_version.empty()) {
    head.Key("terraform_version").String(info->terraform_version);
  }
  head.Key("serial").Uint(info->serial).Key("lineage").String(DerivedLineage(info->lineage));
  size_t size = head.text().size() + 64;
  for (const Output& o : *outputs) size += o.name.size() + o.value.size() + o.type.size() + 64;
  SecretBytes out;
  out.reserve(size);
  Append(head.text(), &out);
  Append(",\"outputs\":{", &out);
  AppendMembers(*outputs, sensitive, &out);
  Append("},\"resources\":[],\"check_results\":null}\n", &out);
  return out;
}

ByteView WithoutSerial(ByteView outputs_document) {
  const size_t at = outputs_document.AsString().find(",\"lineage\":");
  return at == std::string_view::npos ? outputs_document
                                      : outputs_document.Sub(at, outputs_document.size() - at);
}

}  // namespace stateward
