// The conformance cases on the local key, and what only it can break.
#include <CppUTest/TestHarness.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "base/hex.h"
#include "conformance/kms_cases.h"
#include "kms/open_kms.h"

namespace stateward {
namespace {

// The original's sample key, 00 01 02 … 1f, and two more.
constexpr char kSeedKey[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
constexpr char kOtherKey[] = "4pTzqUoUoMFzS0tZ5mM1c1sTL4wGv0q1m7r9a3HkX2c=";
constexpr char kThirdKey[] = "Zb1u3p8t1qZqg4bqk1o8yqY1q0JkqkqA6s0e3cQ8m3M=";

Result<std::unique_ptr<Kms>> Open(std::string_view key, std::string_view ring = "") {
  KmsSettings settings;
  settings.key = SecretString(key);
  settings.keyring = SecretString(ring);
  return OpenKms(settings);
}

std::unique_ptr<Kms> MustOpen(std::string_view key, std::string_view ring = "") {
  Result<std::unique_ptr<Kms>> kms = Open(key, ring);
  if (!kms.ok()) FAIL(kms.status().detail().c_str());
  return *std::move(kms);
}

}  // namespace

TEST_GROUP(LocalKms) { std::unique_ptr<Kms> kms = MustOpen(kSeedKey, kOtherKey); };

KMS_CONFORMS(LocalKms)

// The thread sanitizer runs the groups with Tsan in their names.
TEST_GROUP(LocalKmsTsan) { std::unique_ptr<Kms> kms = MustOpen(kSeedKey); };

KMS_TEST_(LocalKmsTsan, ThreadsDoNotMix)

TEST(LocalKms, OldKeysOpenAndTheNewOneSeals) {
  const Bytes old_record = kms_cases::MustSeal(*kms, kms_cases::Where(), kms_cases::kSmall);
  const auto rotated = MustOpen(kThirdKey, kSeedKey);
  kms_cases::CheckOpens(*rotated, kms_cases::Where(), old_record, kms_cases::kSmall);
  const Bytes new_record = kms_cases::MustSeal(*rotated, kms_cases::Where(), kms_cases::kSmall);
  kms_cases::CheckCode(Code::kUnknownKey, kms->Open(kms_cases::Where(), new_record));
}

TEST(LocalKms, AnUnknownKeyIsNamed) {
  const Bytes record = kms_cases::MustSeal(*kms, kms_cases::Where(), kms_cases::kSmall);
  const auto other = MustOpen(kThirdKey);
  Result<Opened> opened = other->Open(kms_cases::Where(), record);
  kms_cases::CheckCode(Code::kUnknownKey, opened);
  const std::string id = HexEncode({record.data() + 8, 16});
  STRCMP_EQUAL(("key " + id + " unknown").c_str(), opened.status().detail().c_str());
  Result<SealedInfo> info = other->OpenInfo(kms_cases::Where(), record);
  STRCMP_EQUAL(("key " + id + " unknown").c_str(), info.status().detail().c_str());
}

TEST(LocalKms, ARecordOpensUnderItsKeyAlone) {
  // Both keys are in the ring; the record is made to name the other one.
  const Bytes other =
      kms_cases::MustSeal(*MustOpen(kOtherKey), kms_cases::Where(), kms_cases::kSmall);
  Bytes record = kms_cases::MustSeal(*kms, kms_cases::Where(), kms_cases::kSmall);
  CHECK_FALSE(ByteView(record).Sub(8, 16) == ByteView(other).Sub(8, 16));
  std::copy_n(other.begin() + 8, 16, record.begin() + 8);
  Result<Opened> opened = kms->Open(kms_cases::Where(), record);
  kms_cases::CheckCode(Code::kCorruption, opened);
  STRCMP_CONTAINS("another key than it names", opened.status().detail().c_str());
}

TEST(LocalKms, OtherBackendsAreNamed) {
  KmsSettings settings;
  settings.backend = "kms";
  Result<std::unique_ptr<Kms>> opened = OpenKms(settings);
  kms_cases::CheckCode(Code::kInvalidArgument, opened);
  STRCMP_EQUAL("KMS_BACKEND: \"kms\" is unknown; there is: local, vault, transit",
               opened.status().detail().c_str());
}

TEST(LocalKms, BrokenSettingsAreNamed) {
  STRCMP_CONTAINS("KMS_KEY: is not set; make one with `statewardctl keygen`",
                  Open("").status().detail().c_str());
  STRCMP_CONTAINS("KMS_KEY: has more than one key",
                  Open(std::string(kSeedKey) + "," + kOtherKey).status().detail().c_str());
  const std::string ring = std::string(kOtherKey) + "\n# old\n\nAAAA";
  STRCMP_CONTAINS("KMS_KEYRING: key 2: has 3 bytes and not 32",
                  Open(kSeedKey, ring).status().detail().c_str());
}

TEST(LocalKms, TheSameKeyMayComeTwice) {
  const std::string ring = std::string(kSeedKey) + " " + kOtherKey + " " + kOtherKey;
  const auto twice = MustOpen(kSeedKey, ring);
  kms_cases::CheckOpens(*twice, kms_cases::Where(),
                        kms_cases::MustSeal(*kms, kms_cases::Where(), kms_cases::kSmall),
                        kms_cases::kSmall);
}

}  // namespace stateward
