#include "base/base64.h"

namespace stateward {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The last two digits of the two alphabets.
constexpr std::string_view kStandard = "+/";
constexpr std::string_view kUrl = "-_";

int Value(char c, std::string_view last) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == last[0]) return 62;
  if (c == last[1]) return 63;
  return -1;
}

// Digits without padding.
std::optional<SecretBytes> Decode(std::string_view digits, std::string_view last) {
  if (digits.size() % 4 == 1) return std::nullopt;
  SecretBytes out;
  out.reserve(digits.size() / 4 * 3 + 2);
  uint32_t held = 0;
  int bits = 0;
  for (char c : digits) {
    int value = Value(c, last);
    if (value < 0) return std::nullopt;
    held = (held << 6 | static_cast<uint32_t>(value)) & 0xFFFFFF;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<uint8_t>(held >> bits));
    }
  }
  if ((held & ((1U << bits) - 1)) != 0) return std::nullopt;  // not the canonical spelling
  return out;
}

template <typename Out>
Out Encode(ByteView bytes) {
  Out out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  const auto add = [&out](char c) { out.push_back(static_cast<typename Out::value_type>(c)); };
  for (size_t i = 0; i < bytes.size(); i += 3) {
    size_t left = bytes.size() - i;
    uint32_t group = static_cast<uint32_t>(bytes[i]) << 16;
    if (left > 1) group |= static_cast<uint32_t>(bytes[i + 1]) << 8;
    if (left > 2) group |= bytes[i + 2];
    add(kAlphabet[group >> 18]);
    add(kAlphabet[group >> 12 & 63]);
    add(left > 1 ? kAlphabet[group >> 6 & 63] : '=');
    add(left > 2 ? kAlphabet[group & 63] : '=');
  }
  return out;
}

}  // namespace

std::string Base64Encode(ByteView bytes) { return Encode<std::string>(bytes); }

SecretString SecretBase64(ByteView bytes) { return SecretString(Encode<SecretBytes>(bytes)); }

std::optional<SecretBytes> Base64Decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  return Decode(text.substr(0, text.size() - padding), kStandard);
}

std::optional<SecretBytes> Base64UrlDecode(std::string_view text) { return Decode(text, kUrl); }

}  // namespace stateward
