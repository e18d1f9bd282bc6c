#include "base/shown_text.h"

#include <cstdint>
#include <cstdio>
#include <utility>

#include "base/utf8.h"

namespace stateward {
namespace {

struct Range {
  uint32_t from;
  uint32_t to;
};

// Of Unicode 15 (EastAsianWidth.txt, W and F): what takes two columns, in whole blocks.
constexpr Range kWide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},  {0x23E9, 0x23EC}, {0x2E80, 0x303E},
    {0x3041, 0x33FF},   {0x3400, 0x4DBF},   {0x4E00, 0xA4CF},  {0xA960, 0xA97C}, {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF},   {0xFE30, 0xFE6B},   {0xFF01, 0xFF60},  {0xFFE0, 0xFFE6}, {0x1F300, 0x1F64F},
    {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
// Marks that stand on the character before them (Mn, Me of the common scripts), and joiners.
constexpr Range kNarrow[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x064B, 0x065F},
    {0x0900, 0x0902}, {0x093C, 0x093C}, {0x0941, 0x0948}, {0x0E31, 0x0E31},
    {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},
    {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xE0100, 0xE01EF}};
// Nothing to see, or worse.
constexpr Range kHidden[] = {{0x00, 0x1F},     {0x7F, 0x9F},      {0x00AD, 0x00AD},
                             {0x061C, 0x061C}, {0x180E, 0x180E},  {0x200B, 0x200F},
                             {0x2028, 0x202E}, {0x2060, 0x206F},  {0xFEFF, 0xFEFF},
                             {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F}};

template <size_t N>
bool IsIn(const Range (&ranges)[N], uint32_t c) {
  for (const Range& range : ranges) {
    if (c >= range.from && c <= range.to) return true;
  }
  return false;
}

// REQUIRES: a well-formed character of `n` bytes at p
uint32_t CharacterAt(const uint8_t* p, size_t n) {
  uint32_t c = n == 1 ? p[0] : p[0] & (0x7Fu >> n);
  for (size_t i = 1; i < n; ++i) c = c << 6 | (p[i] & 0x3Fu);
  return c;
}

size_t WidthOf(uint32_t c) { return IsIn(kNarrow, c) ? 0 : IsIn(kWide, c) ? 2 : 1; }

void AppendEscape(const char* form, uint32_t c, std::string* out) {
  char text[16];
  (void)std::snprintf(text, sizeof text, form, c);
  *out += text;
}

}  // namespace

std::string ShownText(std::string_view text) {
  std::string out;
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  for (size_t i = 0; i < text.size();) {
    const size_t n = Utf8Length(p + i, text.size() - i);
    const uint32_t c = n == 0 ? p[i] : CharacterAt(p + i, n);
    if (n == 0 || c < 0x80) {
      if (n == 0 || IsIn(kHidden, c)) {
        AppendEscape("\\x%02x", c, &out);
      } else {
        out += static_cast<char>(c);
      }
    } else if (IsIn(kHidden, c)) {
      AppendEscape(c > 0xFFFF ? "\\U%08x" : "\\u%04x", c, &out);
    } else {
      out.append(text, i, n);
    }
    i += n == 0 ? 1 : n;
  }
  return out;
}

size_t ShownWidth(std::string_view text) {
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  size_t width = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t n = Utf8Length(p + i, text.size() - i);
    if (n == 0) return width;
    width += WidthOf(CharacterAt(p + i, n));
    i += n;
  }
  return width;
}

std::string CutToWidth(std::string_view text, size_t width) {
  if (ShownWidth(text) <= width) return std::string(text);
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  size_t used = 1;  // of the mark at the end
  size_t i = 0;
  while (i < text.size()) {
    const size_t n = Utf8Length(p + i, text.size() - i);
    if (n == 0) break;
    used += WidthOf(CharacterAt(p + i, n));
    if (used > width) break;
    i += n;
  }
  return std::string(text.substr(0, i)) + "…";
}

}  // namespace stateward
