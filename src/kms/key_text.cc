#include "kms/key_text.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/base64.h"
#include "base/random.h"
#include "kms/suite.h"

namespace stateward {
namespace {

constexpr std::string_view kBetween = " \t\r\n,";

Status Bad(const std::string& why) {
  return Status::InvalidArgument(why + "; make one with `statewardctl keygen`");
}

bool RepeatsEvery(const SecretBytes& key, size_t period) {
  for (size_t i = period; i < key.size(); ++i) {
    if (key[i] != key[i - period]) return false;
  }
  return true;
}

// Of 32 random bytes about 30 differ; fewer than 12 do in one draw of 10^25, and one of 2^128
// repeats with a period of 16.
bool TooSimple(const SecretBytes& key) {
  constexpr size_t kFewestValues = 12;
  std::array<bool, 256> seen{};
  size_t values = 0;
  for (uint8_t byte : key) {
    if (!std::exchange(seen[byte], true)) ++values;
  }
  if (values < kFewestValues) return true;
  for (size_t period = 1; period <= key.size() / 2; ++period) {
    if (RepeatsEvery(key, period)) return true;
  }
  return false;
}

// The next word that is not in a comment; empty at the end. Moves *rest behind it.
std::string_view NextWord(std::string_view* rest) {
  while (true) {
    const size_t start = rest->find_first_not_of(kBetween);
    if (start == std::string_view::npos) return *rest = std::string_view();
    *rest = rest->substr(start);
    if (rest->front() != '#') break;
    const size_t line_end = rest->find('\n');
    *rest = line_end == std::string_view::npos ? std::string_view() : rest->substr(line_end);
  }
  const size_t n = std::min(rest->find_first_of(std::string(kBetween) + "#"), rest->size());
  const std::string_view word = rest->substr(0, n);
  *rest = rest->substr(n);
  return word;
}

}  // namespace

Result<SecretBytes> ParseKey(std::string_view text) {
  const std::string_view word = NextWord(&text);
  if (word.empty()) return Bad("is not set");
  if (!NextWord(&text).empty()) return Bad("has more than one key");
  std::optional<SecretBytes> key = Base64Decode(word);
  if (!key) return Bad("is not base64");
  if (key->size() != kKeyBytes) {
    return Bad("has " + std::to_string(key->size()) + " bytes and not 32");
  }
  if (TooSimple(*key)) return Bad("is too simple to be a random key");
  return *std::move(key);
}

Result<std::vector<SecretBytes>> ParseKeys(std::string_view text) {
  std::vector<SecretBytes> keys;
  for (std::string_view word = NextWord(&text); !word.empty(); word = NextWord(&text)) {
    Result<SecretBytes> key = ParseKey(word);
    if (!key.ok()) return Status(key.status()).At("key " + std::to_string(keys.size() + 1));
    keys.push_back(*std::move(key));
  }
  return keys;
}

SecretString NewKeyText() {
  SecretBytes key(kKeyBytes);
  FillRandom(key.data(), key.size());
  return SecretBase64(key);
}

}  // namespace stateward
