#include "base/json_text.h"

#include "base/utf8.h"

namespace stateward {
namespace {

constexpr uint32_t kReplacement = 0xFFFD;

uint32_t HexDigit(char c) {
  if (c <= '9') return static_cast<uint32_t>(c - '0');
  return static_cast<uint32_t>((c | 0x20) - 'a' + 10);
}

// The four digits of \uXXXX. REQUIRES: 4 digits at `at`.
uint32_t HexQuad(std::string_view raw, size_t at) {
  return HexDigit(raw[at]) << 12 | HexDigit(raw[at + 1]) << 8 | HexDigit(raw[at + 2]) << 4 |
         HexDigit(raw[at + 3]);
}

bool IsHigh(uint32_t c) { return c >= 0xD800 && c <= 0xDBFF; }
bool IsLow(uint32_t c) { return c >= 0xDC00 && c <= 0xDFFF; }

// *at: at the `u` of \uXXXX.
uint32_t UnicodeEscape(std::string_view raw, size_t* at) {
  const uint32_t first = HexQuad(raw, *at + 1);
  *at += 5;
  if (!IsHigh(first)) return IsLow(first) ? kReplacement : first;
  if (raw.size() - *at < 6 || raw[*at] != '\\' || raw[*at + 1] != 'u') return kReplacement;
  const uint32_t second = HexQuad(raw, *at + 2);
  if (!IsLow(second)) return kReplacement;
  *at += 6;
  return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
}

uint32_t Escape(std::string_view raw, size_t* at) {
  const char c = raw[*at];
  if (c == 'u') return UnicodeEscape(raw, at);
  ++*at;
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return static_cast<uint8_t>(c);  // " \ /
  }
}

}  // namespace

uint32_t NextJsonChar(std::string_view raw, size_t* at) {
  const uint8_t lead = static_cast<uint8_t>(raw[(*at)++]);
  if (lead == '\\') return Escape(raw, at);
  if (lead < 0x80) return lead;
  const size_t tails = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  uint32_t c = lead & (0x3Fu >> tails);
  for (size_t i = 0; i < tails; ++i) c = c << 6 | (static_cast<uint8_t>(raw[(*at)++]) & 0x3Fu);
  return c;
}

std::string JsonUnescape(std::string_view raw) {
  if (raw.find('\\') == std::string_view::npos) return std::string(raw);
  std::string out;
  out.reserve(raw.size());
  for (size_t at = 0; at < raw.size();) AppendUtf8(NextJsonChar(raw, &at), &out);
  return out;
}

uint32_t FoldJsonChar(uint32_t c) {
  if (c >= 'A' && c <= 'Z') return c + ('a' - 'A');
  if (c == 0x17F) return 's';
  if (c == 0x212A) return 'k';
  return c;
}

std::string JsonFold(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  for (size_t at = 0; at < raw.size();) AppendUtf8(FoldJsonChar(NextJsonChar(raw, &at)), &out);
  return out;
}

bool JsonKeyFoldsTo(std::string_view raw, std::string_view name) {
  size_t at = 0;
  for (const char c : name) {
    if (at == raw.size()) return false;
    if (FoldJsonChar(NextJsonChar(raw, &at)) != static_cast<uint8_t>(c)) return false;
  }
  return at == raw.size();
}

void EachJsonText(std::string_view json, const std::function<bool(std::string_view, bool)>& each) {
  for (size_t at = json.find('"'); at != json.npos; at = json.find('"', at + 1)) {
    size_t end = at + 1;
    while (json[end] != '"') end += json[end] == '\\' ? 2 : 1;
    const size_t next = json.find_first_not_of(" \t\r\n", end + 1);
    const bool key = next != json.npos && json[next] == ':';
    if (!each(json.substr(at + 1, end - at - 1), key)) return;
    at = end;
  }
}

}  // namespace stateward
