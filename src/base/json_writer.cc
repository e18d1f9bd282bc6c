#include "base/json_writer.h"

#include <cstddef>

#include "base/utf8.h"

namespace stateward {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

bool IsPlain(uint8_t c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }

// REQUIRES: below U+00A0, neither plain nor 0.
void AppendEscape(uint8_t c, std::string* out) {
  constexpr char kHex[] = "0123456789abcdef";
  out->push_back('\\');
  switch (c) {
    case '\n':
      return out->push_back('n');
    case '\r':
      return out->push_back('r');
    case '\t':
      return out->push_back('t');
    case '"':
    case '\\':
      return out->push_back(static_cast<char>(c));
    default:
      break;
  }
  out->append("u00");
  out->push_back(kHex[c >> 4]);
  out->push_back(kHex[c & 15]);
}

}  // namespace

JsonWriter& JsonWriter::Open(char c) {
  Separate();
  out_.push_back(c);
  separate_ = false;
  return *this;
}

JsonWriter& JsonWriter::Shut(char c) {
  out_.push_back(c);
  separate_ = true;
  return *this;
}

JsonWriter& JsonWriter::Key(std::string_view key) {
  Separate();
  Quoted(key);
  out_.push_back(':');
  separate_ = false;
  return *this;
}

JsonWriter& JsonWriter::String(std::string_view value) {
  Separate();
  Quoted(value);
  return *this;
}

JsonWriter& JsonWriter::Plain(std::string_view text) {
  Separate();
  out_.append(text);
  return *this;
}

void JsonWriter::Quoted(std::string_view text) {
  const auto* const bytes = reinterpret_cast<const uint8_t*>(text.data());
  out_.push_back('"');
  for (size_t at = 0; at < text.size();) {
    size_t plain = at;
    while (plain < text.size() && IsPlain(bytes[plain])) ++plain;
    out_.append(text, at, plain - at);
    if (plain == text.size()) break;
    at = plain;
    if (bytes[at] == 0) {
      out_.append(kReplacement);  // \u0000 is one that JSON has, and our reader refuses
      ++at;
      continue;
    }
    if (bytes[at] < 0x80) {
      AppendEscape(bytes[at++], &out_);
      continue;
    }
    const size_t length = Utf8Length(bytes + at, text.size() - at);
    if (length == 0) {
      out_.append(kReplacement);  // for each byte that fits nowhere
      ++at;
    } else if (bytes[at] == 0xC2 && bytes[at + 1] < 0xA0) {
      AppendEscape(bytes[at + 1], &out_);  // U+0080 to U+009F: terminals obey some of them
      at += length;
    } else {
      out_.append(text, at, length);
      at += length;
    }
  }
  out_.push_back('"');
}

}  // namespace stateward
