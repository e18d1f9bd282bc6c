// Blobs that the original wrote: tests/data/seed/manifest.json names their plaintexts' digests.
#include <CppUTest/TestHarness.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "base/hex.h"
#include "base/random.h"
#include "base/sha256.h"
#include "conformance/kms_cases.h"
#include "doubles/fake_clock.h"
#include "doubles/fake_vault.h"
#include "doubles/original_blobs.h"
#include "kms/envelope_kms.h"
#include "kms/header.h"
#include "kms/key_text.h"
#include "kms/open_kms.h"
#include "kms/transit_keys.h"
#include "kms/vault_keys.h"

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

TEST(LegacyBlobs, AnotherKeyIsUnknown) {
  kms_cases::CheckCode(Code::kUnknownKey,
                       WithKeys(kOtherKey, "")->OpenLegacy(std::string_view(ReadSeed(kSeeds[0]))));
}

TEST(LegacyBlobs, EveryBitAndEveryLengthCounts) {
  const auto kms = WithKeys(kSeedKey, "");
  std::string blob = ReadSeed(kSeeds[1]);
  for (size_t bit = 0; bit < blob.size() * 8; ++bit) {
    blob[bit / 8] = static_cast<char>(blob[bit / 8] ^ (1 << bit % 8));
    kms_cases::CheckCode(Code::kUnknownKey, kms->OpenLegacy(std::string_view(blob)));
    blob[bit / 8] = static_cast<char>(blob[bit / 8] ^ (1 << bit % 8));
  }
  for (size_t n = 0; n < blob.size(); ++n) {
    kms_cases::CheckCode(n < kNonceBytes + kTagBytes ? Code::kCorruption : Code::kUnknownKey,
                         kms->OpenLegacy({blob.data(), n}));
  }
  CHECK(kms->OpenLegacy(std::string_view(blob)).ok());
}

// What the original may have sealed is a state. Keys sealed other things, too.
constexpr std::string_view kNoStates[] = {"",
                                          "{}",
                                          "[]",
                                          "null",
                                          "4",
                                          "0123456789abcdef0123456789abcdef",
                                          "[{\"version\":4}]",
                                          "{\"version\":4",
                                          "{\"version\":4}{",
                                          "{\"version\":\"4\"}",
                                          "{\"version\":null}",
                                          "{\"Version\":4}",
                                          "{\"a\":{\"version\":4}}",
                                          "{\"serial\":1,\"lineage\":\"x\"}",
                                          "{\"encryption_version\":\"\"}",
                                          "{\"encryption_version\":0}"};
constexpr std::string_view kStates[] = {
    "{\"version\":4}", " {\"serial\":1,\"version\":3}\n",
    "{\"meta\":{},\"encrypted_data\":\"AAAA\",\"encryption_version\":\"v0\"}"};

// `blob`: what the keys of `kms` would have made of a plaintext.
template <typename BlobFn>
void CheckOnlyStatesComeOut(Kms& kms, const BlobFn& blob) {
  for (std::string_view plain : kNoStates) {
    kms_cases::CheckCode(Code::kCorruption, kms.OpenLegacy(blob(plain)));
  }
  SecretBytes key(kKeyBytes);
  FillRandom(key.data(), key.size());
  kms_cases::CheckCode(Code::kCorruption, kms.OpenLegacy(blob(ByteView(key).AsString())));
  for (std::string_view plain : kStates) {
    Result<SecretBytes> opened = kms.OpenLegacy(blob(plain));
    if (!opened.ok()) FAIL(opened.status().detail().c_str());
    CHECK(ByteView(*opened) == ByteView(plain));
  }
}

TEST_GROUP(LegacyStates) {
  std::shared_ptr<const Suite> suite = *Suite::Load();
  SecretString text = NewKeyText();
  SecretBytes key = *ParseKey(text.Reveal());
  FakeClock clock;
  FakeVault vault;

  std::unique_ptr<Kms> WithVault(const char* kind) {
    VaultOptions options;
    options.address = "http://127.0.0.1:8200";
    options.auth.token = SecretString("root");
    std::shared_ptr<VaultClient> client =
        *VaultClient::New(options, vault.Client(), clock, nullptr);
    std::unique_ptr<KeySource> keys;
    if (std::string_view(kind) == "transit") {
      keys = *TransitKeys::New(client, "transit", "states");
    } else {
      vault.kv.push_back({"{\"key\":\"" + std::string(text.Reveal()) + "\"}", false});
      keys = *VaultKeys::New(suite, client, vault.kv_path, 60);
    }
    return std::make_unique<EnvelopeKms>(kind, suite, std::move(keys));
  }
};

TEST(LegacyStates, OnlyTheyComeOutOfBlobsOfALocalKey) {
  CheckOnlyStatesComeOut(*WithKeys(std::string(text.Reveal()).c_str(), ""),
                         [&](ByteView plain) { return SealAsOriginal(*suite, key, plain); });
}

TEST(LegacyStates, OnlyTheyComeOutOfBlobsOfAKeyInVault) {
  CheckOnlyStatesComeOut(*WithVault("vault"),
                         [&](ByteView plain) { return SealAsOriginal(*suite, key, plain); });
}

TEST(LegacyStates, OnlyTheyComeOutOfTextsOfTransit) {
  CheckOnlyStatesComeOut(*WithVault("transit"), [&](std::string_view plain) {
    return vault.EncryptWhole(std::string(plain));
  });
}

TEST(LegacyStates, OnlyTheyComeOutOfTextsThatExportedKeysOpen) {
  KmsSettings settings;
  settings.only_opens = true;
  settings.transit_exported = text;
  CheckOnlyStatesComeOut(**OpenKms(settings),
                         [&](ByteView plain) { return TransitText(*suite, key, 1, plain); });
}

// A1: the wrapped key stands in the clear header of every record of Transit.
TEST(LegacyStates, AWrappedKeyIsNone) {
  std::unique_ptr<Kms> kms = WithVault("transit");
  const Bytes record = kms_cases::MustSeal(*kms, kms_cases::Where(), kStates[0]);
  const Bytes wrapped = ParseHeader(record)->wrapped;
  CHECK(!wrapped.empty());
  kms_cases::CheckCode(Code::kCorruption, kms->OpenLegacy(wrapped));
}

}  // namespace stateward
