// Appends JSON to a string: for our own records, 423 bodies and log lines.
//
//   JsonWriter w;
//   w.BeginObject().Key("id").String(id).Key("base").Text64(base).EndObject();
//   std::string record = std::move(w).Take();
//
// Never fails: bytes that are not UTF-8 become U+FFFD, so the result is always JSON as long as the
// calls pair up (a Key before each member, each Begin with its End). Not thread-safe.
#ifndef STATEWARD_BASE_JSON_WRITER_H_
#define STATEWARD_BASE_JSON_WRITER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace stateward {

class JsonWriter {
 public:
  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Shut('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Shut(']'); }
  JsonWriter& Key(std::string_view key);

  JsonWriter& String(std::string_view value);
  JsonWriter& Uint(uint64_t value) { return Plain(std::to_string(value)); }
  JsonWriter& Int(int64_t value) { return Plain(std::to_string(value)); }
  JsonWriter& Bool(bool value) { return Plain(value ? "true" : "false"); }
  // The digits as a string. For records: most JSON readers keep numbers as doubles, which are
  // exact only up to 2^53. JsonObject::Uint() reads both forms.
  JsonWriter& Text64(uint64_t value) { return String(std::to_string(value)); }
  // JSON that stands already, such as a client's LockInfo. REQUIRES: one valid JSON value
  JsonWriter& Raw(std::string_view json) { return Plain(json); }

  const std::string& text() const { return out_; }
  std::string Take() && { return std::move(out_); }

 private:
  void Separate() {
    if (separate_) out_.push_back(',');
    separate_ = true;
  }
  JsonWriter& Open(char c);
  JsonWriter& Shut(char c);
  JsonWriter& Plain(std::string_view text);
  void Quoted(std::string_view text);

  std::string out_;
  bool separate_ = false;  // a comma is due before the next key or value
};

}  // namespace stateward

#endif  // STATEWARD_BASE_JSON_WRITER_H_
