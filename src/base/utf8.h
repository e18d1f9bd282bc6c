// UTF-8 as RFC 3629 allows it: shortest form, no surrogates, up to U+10FFFF.
#ifndef STATEWARD_BASE_UTF8_H_
#define STATEWARD_BASE_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace stateward {

// Bytes of the well-formed character that starts at p (1 to 4), or 0 if there is none.
// REQUIRES: n >= 1 readable bytes at p
inline size_t Utf8Length(const uint8_t* p, size_t n) {
  const auto tail = [p](size_t i) { return (p[i] & 0xC0) == 0x80; };
  const uint8_t lead = p[0];
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;  // a tail byte, or C0/C1: always longer than needed
  if (lead < 0xE0) return n >= 2 && tail(1) ? 2 : 0;
  if (lead < 0xF0) {
    if (n < 3 || !tail(1) || !tail(2)) return 0;
    if (lead == 0xE0 && p[1] < 0xA0) return 0;   // longer than needed
    if (lead == 0xED && p[1] >= 0xA0) return 0;  // U+D800 to U+DFFF
    return 3;
  }
  if (lead > 0xF4 || n < 4 || !tail(1) || !tail(2) || !tail(3)) return 0;
  if (lead == 0xF0 && p[1] < 0x90) return 0;   // longer than needed
  if (lead == 0xF4 && p[1] >= 0x90) return 0;  // above U+10FFFF
  return 4;
}

// REQUIRES: c <= 0x10FFFF
inline void AppendUtf8(uint32_t c, std::string* out) {
  const auto put = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xC0 | c >> 6);
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
  }
  put(0x80 | (c & 0x3F));
}

}  // namespace stateward

#endif  // STATEWARD_BASE_UTF8_H_
