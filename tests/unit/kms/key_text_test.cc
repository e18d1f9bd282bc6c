#include "kms/key_text.h"

#include <CppUTest/TestHarness.h>

#include <string>

#include "base/base64.h"
#include "base/hex.h"
#include "kms/keyring.h"
#include "kms/suite.h"
#include "stateward/secret.h"

namespace stateward {
namespace {

constexpr char kSeedKey[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
constexpr char kOtherKey[] = "4pTzqUoUoMFzS0tZ5mM1c1sTL4wGv0q1m7r9a3HkX2c=";

void CheckRefused(const std::string& text, const char* why) {
  Result<SecretBytes> key = ParseKey(text);
  CHECK_FALSE(key.ok());
  LONGS_EQUAL(static_cast<int>(Code::kInvalidArgument), static_cast<int>(key.status().code()));
  STRCMP_CONTAINS(why, key.status().detail().c_str());
  STRCMP_CONTAINS("statewardctl keygen", key.status().detail().c_str());
  if (text.size() > 8) CHECK(key.status().detail().find(text.substr(0, 8)) == std::string::npos);
}

std::string Repeated(std::string_view bytes) {
  std::string key;
  while (key.size() < kKeyBytes) key += bytes;
  return Base64Encode(std::string_view(key).substr(0, kKeyBytes));
}

}  // namespace

TEST_GROUP(KeyText){};

TEST(KeyText, TheOriginalsSampleKeyIsRead) {
  for (const std::string& text : {std::string(kSeedKey), std::string(kSeedKey) + "\n",
                                  "  " + std::string(kSeedKey) + "\r\n"}) {
    Result<SecretBytes> key = ParseKey(text);
    CHECK(key.ok());
    LONGS_EQUAL(32, key->size());
    for (size_t i = 0; i < 32; ++i) LONGS_EQUAL(i, (*key)[i]);
  }
}

TEST(KeyText, BrokenAndWeakKeysAreRefused) {
  CheckRefused("", "is not set");
  CheckRefused(" \n", "is not set");
  CheckRefused("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=", "is not base64");  // spare bits
  CheckRefused("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "is not base64");
  CheckRefused("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", "has 31 bytes");
  CheckRefused(Base64Encode(std::string(33, 'x')), "has 33 bytes");
  CheckRefused(Repeated(std::string_view("\0", 1)), "too simple");
  CheckRefused(Repeated("\xff"), "too simple");
  CheckRefused(Repeated("ab"), "too simple");
  CheckRefused(Repeated("secret!"), "too simple");
  CheckRefused(Repeated("0123456789abcdef"), "too simple");  // 16 bytes, twice
  CheckRefused(Base64Encode(std::string_view("00000000000000000000000000001234")), "too simple");
}

TEST(KeyText, RingsAreReadWithAnySeparator) {
  const std::string one = kSeedKey;
  const std::string two = kOtherKey;
  for (const std::string& text :
       {one + "\n" + two, one + "," + two, one + " , \t" + two + ",\n",
        "# the old ones\n\n" + one + "\n#" + two + "\n" + two + " # 2024\n",
        one + "\r\n" + two + "\r\n"}) {
    Result<std::vector<SecretBytes>> keys = ParseKeys(text);
    CHECK(keys.ok());
    LONGS_EQUAL(2, keys->size());
    LONGS_EQUAL(0xe2, (*keys)[1][0]);
  }
  LONGS_EQUAL(0, ParseKeys("")->size());
  LONGS_EQUAL(0, ParseKeys("# none")->size());
}

TEST(KeyText, AFreshKeyIsReadBackAndNeverTheSame) {
  const SecretString one = NewKeyText();
  const SecretString two = NewKeyText();
  LONGS_EQUAL(44, one.size());
  CHECK(ParseKey(one.Reveal()).ok());
  CHECK(ParseKey(two.Reveal()).ok());
  CHECK(one.Reveal() != two.Reveal());
}

TEST(KeyText, TheRingIsBounded) {
  const auto suite = *Suite::Load();
  std::vector<SecretBytes> keys(kMaxKeys + 1, *ParseKey(kSeedKey));
  CHECK_FALSE(Keyring::Of(suite, keys).ok());
  CHECK_FALSE(Keyring::Of(suite, {}).ok());
  CHECK_FALSE(Keyring::Of(suite, {SecretBytes(31)}).ok());
}

}  // namespace stateward
