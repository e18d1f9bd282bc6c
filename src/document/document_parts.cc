#include "document/document_parts.h"

#include <utility>

#include "base/json_text.h"
#include "base/json_walker.h"
#include "document/part_reader.h"
#include "document/token_digest.h"

namespace stateward {
namespace {

constexpr std::string_view kForm = "4";
constexpr char kTwice[] = "a key stands twice";

struct NamedText {
  std::string_view name;  // raw; of an output
  std::string_view text;  // the object
};

// The members of the document: where its resources and outputs stand.
class DocumentSink : public JsonSink {
 public:
  const char* Key(size_t depth, std::string_view raw) override {
    if (depth == 2 && field_ == kOutputs) name_ = raw;
    if (depth != 1) return nullptr;
    field_ = JsonKeyFoldsTo(raw, "version")     ? kVersion
             : JsonKeyFoldsTo(raw, "resources") ? kResources
             : JsonKeyFoldsTo(raw, "outputs")   ? kOutputs
                                                : kOther;
    encrypted_ = encrypted_ || JsonKeyFoldsTo(raw, "encrypted_data") ||
                 JsonKeyFoldsTo(raw, "encryption_version");
    const unsigned bit = 1U << field_;
    if (field_ != kOther && (seen_ & bit) != 0) return refused = kTwice;
    seen_ |= bit;
    return nullptr;
  }
  const char* Value(size_t depth, JsonKind kind, std::string_view raw) override {
    if (depth == 1 && field_ == kVersion) {
      known_ = kind == JsonKind::kNumber && raw == kForm;
      return nullptr;
    }
    if (field_ != kResources && field_ != kOutputs) return nullptr;
    if (depth == 1) {
      const JsonKind want = field_ == kResources ? JsonKind::kArray : JsonKind::kObject;
      if (kind != want && kind != JsonKind::kNull) return refused = "resources or outputs are odd";
      return nullptr;
    }
    if (kind != JsonKind::kObject) return refused = "a resource or an output is no object";
    if (resources.size() + outputs.size() == kMaxParts) return refused = kMany;
    opened_ = raw.data();
    return nullptr;
  }
  void Close(size_t) override {}
  DocumentForm Form() const {
    if (encrypted_) return DocumentForm::kEncrypted;
    return known_ ? DocumentForm::kReadable : DocumentForm::kOther;
  }
  void CloseAt(size_t depth, const char* behind) override {
    if (depth != 2 || opened_ == nullptr) return;
    const std::string_view text(opened_, static_cast<size_t>(behind - opened_));
    if (field_ == kResources) resources.push_back(text);
    if (field_ == kOutputs) outputs.push_back({name_, text});
    opened_ = nullptr;
  }

  static constexpr const char* kMany = "too many resources";
  std::vector<std::string_view> resources;
  std::vector<NamedText> outputs;
  const char* refused = nullptr;

 private:
  enum Field : uint8_t { kOther, kVersion, kResources, kOutputs };
  Field field_ = kOther;
  bool known_ = false;
  bool encrypted_ = false;
  unsigned seen_ = 0;
  std::string_view name_;
  const char* opened_ = nullptr;
};

// One entry under "resources": what its instances share, and where they stand.
class ResourceSink : public JsonSink {
 public:
  const char* Key(size_t depth, std::string_view raw) override {
    if (depth != 1) return nullptr;
    static constexpr const char* kNames[] = {"",     "module",   "mode",     "type",
                                             "name", "provider", "instances"};
    field_ = 0;
    for (size_t i = 1; i < std::size(kNames); ++i) {
      if (JsonKeyFoldsTo(raw, kNames[i])) field_ = i;
    }
    if (field_ != 0 && (seen_ & 1U << field_) != 0) return refused = kTwice;
    seen_ |= 1U << field_;
    return nullptr;
  }
  const char* Value(size_t depth, JsonKind kind, std::string_view raw) override {
    if (field_ == kInstances && depth == 2) {
      if (kind != JsonKind::kObject) return refused = "an instance is no object";
      if (instances.size() == kMaxParts) return refused = DocumentSink::kMany;
      opened_ = raw.data();
    }
    if (depth != 1 || field_ == 0) return nullptr;
    if (field_ == kInstances) {
      const bool list = kind == JsonKind::kArray || kind == JsonKind::kNull;
      return list ? nullptr : refused = "instances are no list";
    }
    if (kind != JsonKind::kString) return refused = "a resource's name is no text";
    head[field_] = raw;
    return nullptr;
  }
  void Close(size_t) override {}
  void CloseAt(size_t depth, const char* behind) override {
    if (depth != 2 || opened_ == nullptr) return;
    instances.emplace_back(opened_, static_cast<size_t>(behind - opened_));
    opened_ = nullptr;
  }

  enum Head : size_t { kModule = 1, kMode, kType, kName, kProvider, kInstances };
  std::string_view head[kInstances + 1];  // raw
  std::vector<std::string_view> instances;
  const char* refused = nullptr;

 private:
  size_t field_ = 0;
  unsigned seen_ = 0;
  const char* opened_ = nullptr;
};

// A text within brackets, as the clients write addresses.
std::string IndexText(std::string_view json) {
  if (json.front() != '"') return "[" + std::string(json) + "]";
  std::string out = "[\"";
  for (char c : JsonUnescape(json.substr(1, json.size() - 2))) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"]";
}

class PartsOf {
 public:
  explicit PartsOf(const std::function<Status(const Part&)>& each) : each_(each) {}

  Status Resource(std::string_view text) {
    ResourceSink sink;
    Status walked = WalkJson(text, {kJsonDepthCap, 2}, &sink);
    if (!walked.ok()) return NotClear(sink.refused, walked);
    const bool data = sink.head[ResourceSink::kMode] == "data";
    std::string address;
    if (const std::string_view module = sink.head[ResourceSink::kModule]; !module.empty()) {
      address = JsonUnescape(module) + ".";
    }
    if (data) address += "data.";
    address += JsonUnescape(sink.head[ResourceSink::kType]) + ".";
    address += JsonUnescape(sink.head[ResourceSink::kName]);
    for (std::string_view instance : sink.instances) {
      if (++parts == kMaxParts) return Status(Code::kTooLarge, DocumentSink::kMany);
      STATEWARD_RETURN_IF_ERROR(Instance(instance, sink, address, data));
    }
    return {};
  }

  Status Output(const NamedText& output) {
    ++parts;
    Part part;
    part.kind = PartKind::kOutput;
    part.address = JsonUnescape(output.name);
    PartReader reader(&part, &digest_);
    STATEWARD_RETURN_IF_ERROR(reader.Read(output.text));
    part.all_sensitive = reader.sensitive;
    for (Member& member : part.members) member.meta = false;
    return each_(part);
  }

  // `refused`: what a sink said; nullptr when the walk itself did.
  static Status NotClear(const char* refused, const Status& walked) {
    if (refused == nullptr) return walked;
    if (refused == DocumentSink::kMany) return {Code::kTooLarge, refused};
    return {Code::kConflict, std::string("the document is not clear: ") + refused};
  }

  size_t parts = 0;

 private:
  Status Instance(std::string_view text, const ResourceSink& resource, const std::string& address,
                  bool data) {
    Part part;
    part.kind = data ? PartKind::kData : PartKind::kResource;
    part.type = JsonUnescape(resource.head[ResourceSink::kType]);
    PartReader reader(&part, &digest_);
    STATEWARD_RETURN_IF_ERROR(reader.Read(text));
    part.address = address;
    if (!reader.index_key.empty()) part.address += IndexText(reader.index_key);
    if (part.deposed) part.address += " (deposed " + JsonUnescape(reader.deposed_key) + ")";
    if (const std::string_view provider = resource.head[ResourceSink::kProvider];
        !provider.empty()) {
      Member member;
      member.name = "provider";
      member.meta = true;
      member.text = {provider.data() - 1, provider.size() + 2};
      digest_.Add('s', provider);
      member.digest = digest_.Finish();
      part.members.push_back(member);
    }
    return each_(part);
  }

  const std::function<Status(const Part&)>& each_;
  TokenDigest digest_;
};

}  // namespace

Status EachPart(ByteView document, DocumentShape* shape,
                const std::function<Status(const Part&)>& each) {
  DocumentSink sink;
  Status walked = WalkJson(document, {kJsonDepthCap, 2}, &sink);
  if (!walked.ok()) return PartsOf::NotClear(sink.refused, walked);
  shape->form = sink.Form();
  shape->parts = 0;
  if (shape->form != DocumentForm::kReadable) return {};
  PartsOf parts(each);
  for (std::string_view resource : sink.resources) {
    STATEWARD_RETURN_IF_ERROR(parts.Resource(resource));
  }
  for (const NamedText& output : sink.outputs) {
    STATEWARD_RETURN_IF_ERROR(parts.Output(output));
  }
  shape->parts = parts.parts;
  return {};
}

Status CountParts(ByteView document, DocumentCounts* counts) {
  DocumentSink sink;
  Status walked = WalkJson(document, {kJsonDepthCap, 2}, &sink);
  if (!walked.ok()) return PartsOf::NotClear(sink.refused, walked);
  counts->form = sink.Form();
  if (counts->form != DocumentForm::kReadable) return {};
  counts->outputs = sink.outputs.size();
  for (std::string_view text : sink.resources) {
    ResourceSink resource;
    walked = WalkJson(text, {kJsonDepthCap, 2}, &resource);
    if (!walked.ok()) return PartsOf::NotClear(resource.refused, walked);
    counts->resources += resource.instances.size();
  }
  return {};
}

}  // namespace stateward
