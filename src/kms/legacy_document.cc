#include "kms/legacy_document.h"

#include <string_view>

#include "base/json_walker.h"

namespace stateward {
namespace {

// Hears of the top level only.
class VersionSink : public JsonSink {
 public:
  const char* Key(size_t, std::string_view raw) override {
    plain_ = raw == "version";
    encrypted_ = raw == "encryption_version";
    return nullptr;
  }
  const char* Value(size_t, JsonKind kind, std::string_view raw) override {
    found_ = found_ || (plain_ && kind == JsonKind::kNumber) ||
             (encrypted_ && kind == JsonKind::kString && !raw.empty());
    return nullptr;
  }
  void Close(size_t) override {}
  bool found() const { return found_; }

 private:
  bool plain_ = false;  // the value that comes is the one of `version`
  bool encrypted_ = false;
  bool found_ = false;
};

}  // namespace

Status CheckLegacyDocument(ByteView document) {
  VersionSink sink;
  if (!WalkJson(document, {}, &sink).ok()) {
    return Status::Corruption("legacy blob: what lies in it is no JSON document");
  }
  if (!sink.found()) {
    return Status::Corruption("legacy blob: what lies in it is no state, it has no version");
  }
  return Status();
}

}  // namespace stateward
