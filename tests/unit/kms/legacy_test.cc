// Blobs that the original wrote: tests/data/seed/manifest.json names their plaintexts' digests.
#include <CppUTest/TestHarness.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "base/hex.h"
#include "base/sha256.h"
#include "conformance/kms_cases.h"
#include "kms/open_kms.h"

namespace stateward {
namespace {

struct Seed {
  const char* id;
  const char* sha256;
  size_t size;
};
constexpr Seed kSeeds[] = {
    {"3db09e98ba51cd0e852cb5f389ff1e79edcdd1be4cac1eeee9d70a9b226b467f",
     "34448400c526d432be0d798da167f6eb38d6083abed73ec9a638911eb17bd45b", 2097},
    {"0d2cf0a51cfa39a34c78c9873dc448eb38d3931ad5b349ba21863b0715d85a2d",
     "ed98ca849617b16aeaf8908de532e4b98d1b1e4495bd0423d6440d881a37a751", 164},
    {"24aafc9234aed53584a0f7f4647b0dc7655fd04bc754e19ca9fd1799e6eac00b",
     "991bfa659378aea0b450be976e604a464e6b34b06d3bde350eca92ead2aaf6a7", 58176},
};

std::string ReadSeed(const Seed& seed) {
  std::ifstream file("tests/data/seed/fs/" + std::string(seed.id) + ".tfstate", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::unique_ptr<Kms> WithKeys(const char* key, const char* ring) {
  KmsSettings settings;
  settings.key = SecretString(key);
  settings.keyring = SecretString(ring);
  return *OpenKms(settings);
}

constexpr char kSeedKey[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
constexpr char kOtherKey[] = "4pTzqUoUoMFzS0tZ5mM1c1sTL4wGv0q1m7r9a3HkX2c=";

void CheckSeedsOpen(Kms& kms) {
  for (const Seed& seed : kSeeds) {
    Result<SecretBytes> document = kms.OpenLegacy(std::string_view(ReadSeed(seed)));
    if (!document.ok()) FAIL(document.status().detail().c_str());
    LONGS_EQUAL(seed.size, document->size());
    STRCMP_EQUAL(seed.sha256, HexEncode(Sha256(*document)).c_str());
  }
}

}  // namespace

TEST_GROUP(LegacyBlobs){};

TEST(LegacyBlobs, TheSamplesOpenWithThePrimaryKey) { CheckSeedsOpen(*WithKeys(kSeedKey, "")); }

TEST(LegacyBlobs, TheSamplesOpenWithAnOldKeyOfTheRing) {
  CheckSeedsOpen(*WithKeys(kOtherKey, kSeedKey));
}

TEST(LegacyBlobs, AnotherKeyIsCorruption) {
  kms_cases::CheckCode(Code::kCorruption,
                       WithKeys(kOtherKey, "")->OpenLegacy(std::string_view(ReadSeed(kSeeds[0]))));
}

TEST(LegacyBlobs, EveryBitAndEveryLengthCounts) {
  const auto kms = WithKeys(kSeedKey, "");
  std::string blob = ReadSeed(kSeeds[1]);
  for (size_t bit = 0; bit < blob.size() * 8; ++bit) {
    blob[bit / 8] = static_cast<char>(blob[bit / 8] ^ (1 << bit % 8));
    kms_cases::CheckCode(Code::kCorruption, kms->OpenLegacy(std::string_view(blob)));
    blob[bit / 8] = static_cast<char>(blob[bit / 8] ^ (1 << bit % 8));
  }
  for (size_t n = 0; n < blob.size(); ++n) {
    kms_cases::CheckCode(Code::kCorruption, kms->OpenLegacy({blob.data(), n}));
  }
  CHECK(kms->OpenLegacy(std::string_view(blob)).ok());
}

}  // namespace stateward
