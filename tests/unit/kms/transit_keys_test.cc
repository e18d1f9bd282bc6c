// Keys wrapped by Vault's Transit, over a Vault in memory.
#include "kms/transit_keys.h"

#include <CppUTest/TestHarness.h>

#include "conformance/kms_cases.h"
#include "kms/combined_keys.h"
#include "kms/local_keys.h"
#include "unit/kms/vault_bench.h"

namespace stateward {
namespace {

using kms_cases::CheckCode;
using kms_cases::CheckOpens;
using kms_cases::kSmall;
using kms_cases::MustSeal;
using kms_cases::Where;

}  // namespace

TEST_GROUP(VaultTransit) {
  VaultBench bench;
  std::unique_ptr<Kms> kms;
  void setup() override { kms = bench.Transit(); }
};
KMS_CONFORMS(VaultTransit)

TEST_GROUP(TransitKeys) {
  VaultBench bench;
  FakeVault& vault = bench.vault;
};

TEST(TransitKeys, OneCallForEachWriteAndNoneForACachedRead) {
  std::unique_ptr<Kms> kms = bench.Transit();
  const std::string document = kms_cases::StateText(1 << 20);
  const Bytes record = MustSeal(*kms, Where(), document);
  LONGS_EQUAL(2, vault.calls);  // with the question once a minute what the token may do
  CheckOpens(*kms, Where(), record, document);
  LONGS_EQUAL(2, vault.calls);
  MustSeal(*kms, Where(), document);
  LONGS_EQUAL(3, vault.calls);
  std::unique_ptr<Kms> other = bench.Transit();
  CheckOpens(*other, Where(), record, document);
  CheckOpens(*other, Where(), record, document);
  LONGS_EQUAL(4, vault.calls);
  bench.clock.Advance(DataKeyCache::kLifeUs / 1000);
  CheckOpens(*other, Where(), record, document);
  LONGS_EQUAL(5, vault.calls);
}

// A10: whoever asks /ready as often as they like costs Vault nothing, and empties no cache.
TEST(TransitKeys, AskersOfReadyShareOneLook) {
  std::unique_ptr<Kms> kms = bench.Transit();
  const Bytes record = MustSeal(*kms, Where(), kSmall);
  const int before = vault.calls;
  for (int i = 0; i < 5000; ++i) {
    CHECK(kms->Check().ok());
    STRCMP_EQUAL("", kms->Warning().c_str());
  }
  LONGS_EQUAL(before + 2, vault.calls);
  CheckOpens(*kms, Where(), record, kSmall);
  LONGS_EQUAL(before + 2, vault.calls);
  bench.Down();
  bench.clock.Advance(2000);
  CHECK_FALSE(kms->Check().ok());
}

TEST(TransitKeys, AnOutageLeavesTheCachedReads) {
  std::unique_ptr<Kms> kms = bench.Transit();
  const Bytes record = MustSeal(*kms, Where(), kSmall);
  const Bytes by_another = MustSeal(*bench.Transit(), Where(), kSmall);
  bench.Down();
  CheckOpens(*kms, Where(), record, kSmall);
  CheckCode(Code::kUnavailable, kms->Open(Where(), by_another));
  CheckCode(Code::kUnavailable, kms->Seal(Where(), kms_cases::InfoOf(kSmall), kSmall));
  CHECK_FALSE(kms->Check().ok());
  bench.Up();
  CheckOpens(*kms, Where(), by_another, kSmall);
  MustSeal(*kms, Where(), kSmall);
}

TEST(TransitKeys, RightsThatAreMissingAreAnOutageToClients) {
  const Bytes record = MustSeal(*bench.Transit(), Where(), kSmall);
  vault.tokens.clear();
  std::unique_ptr<Kms> kms = bench.Transit();
  CheckCode(Code::kUnavailable, kms->Open(Where(), record));
  CheckCode(Code::kUnavailable, kms->Seal(Where(), kms_cases::InfoOf(kSmall), kSmall));
  bench.Add(Secret(NewKey()));
  CheckCode(Code::kUnavailable, bench.Kv()->Seal(Where(), kms_cases::InfoOf(kSmall), kSmall));
}

TEST(TransitKeys, RotationAndMinDecryptionVersion) {
  std::unique_ptr<Kms> kms = bench.Transit();
  const Bytes first = MustSeal(*kms, Where(), kSmall);
  vault.transit_version = 2;
  const Bytes second = MustSeal(*kms, Where(), kSmall);
  LONGS_EQUAL(1, TransitVersion(ParseHeader(first)->wrapped));
  LONGS_EQUAL(2, TransitVersion(ParseHeader(second)->wrapped));
  std::unique_ptr<Kms> other = bench.Transit();
  CheckOpens(*other, Where(), first, kSmall);
  vault.min_decryption_version = 2;
  std::unique_ptr<Kms> later = bench.Transit();
  CheckCode(Code::kUnknownKey, later->Open(Where(), first));
  CheckOpens(*later, Where(), second, kSmall);
}

TEST(TransitKeys, AKeyThatIsGoneIsAnOutageAndNeverMadeAnew) {
  const Bytes record = MustSeal(*bench.Transit(), Where(), kSmall);
  vault.transit_key = false;
  std::unique_ptr<Kms> kms = bench.Transit();
  CheckCode(Code::kUnavailable, kms->Open(Where(), record));
  CheckCode(Code::kUnavailable, kms->Seal(Where(), kms_cases::InfoOf(kSmall), kSmall));
  CHECK_FALSE(kms->Check().ok());
  // Not even by a token that may do all, or one that may not ask what it may do.
  vault.encrypt_rights = {"create", "update"};
  for (bool tells : {true, false}) {
    vault.tells_rights = tells;
    kms = bench.Transit();
    CheckCode(Code::kUnavailable, kms->Seal(Where(), kms_cases::InfoOf(kSmall), kSmall));
    CHECK_FALSE(kms->Check().ok());
  }
  CHECK_FALSE(vault.key_was_made);
}

TEST(TransitKeys, WhatTheTokenLacksIsSaid) {
  const auto says = [this](std::set<std::string> encrypt, std::set<std::string> decrypt,
                           bool good) {
    vault.encrypt_rights = std::move(encrypt);
    vault.decrypt_rights = std::move(decrypt);
    std::unique_ptr<Kms> kms = bench.Transit();
    const Status check = kms->Check();
    CHECK(check.ok() == good);
    const std::string warning = kms->Warning();
    if (!good) CHECK(check.detail().find(warning) != std::string::npos);
    return warning;
  };
  STRCMP_EQUAL("", says({"update"}, {"update"}, true).c_str());
  STRCMP_CONTAINS("lacks the right to update encrypt/KMS_TRANSIT_KEY",
                  says({}, {"update"}, false).c_str());
  STRCMP_CONTAINS("lacks the right to update decrypt/KMS_TRANSIT_KEY",
                  says({"update"}, {"read"}, false).c_str());
  STRCMP_CONTAINS("encrypt/KMS_TRANSIT_KEY and decrypt/KMS_TRANSIT_KEY",
                  says({}, {}, false).c_str());
  STRCMP_CONTAINS("may create", says({"create", "update"}, {"update"}, true).c_str());
  STRCMP_CONTAINS("may create", says({"root", "update"}, {"update"}, true).c_str());
  vault.tells_rights = false;
  STRCMP_EQUAL("", says({"update"}, {"update"}, true).c_str());
}

TEST(TransitKeys, WholeStatesOfTheOriginal) {
  const std::string text = vault.EncryptWhole("{\"version\":4}");
  std::unique_ptr<Kms> kms = bench.Transit();
  Result<SecretBytes> opened = kms->OpenLegacy(text);
  CHECK(opened.ok());
  CHECK(ByteView(*opened) == ByteView(std::string_view("{\"version\":4}")));
  const int calls = vault.calls;
  for (const char* bad :
       {"vault:v1:", "vault:v0:QUJD", "vault:vx:QUJD", "vault:v1:\"}", "vault:v1"}) {
    CheckCode(Code::kUnknownKey, kms->OpenLegacy(std::string_view(bad)));
  }
  LONGS_EQUAL(calls, vault.calls);
  CheckCode(Code::kUnknownKey, kms->OpenLegacy(std::string_view("vault:v1:QUJD")));
}

TEST(TransitKeys, ARecordOfAnotherKeyIsUnknown) {
  const Bytes record = MustSeal(*bench.Transit(), Where(), kSmall);
  auto keys = TransitKeys::New(bench.Client(), "transit", "others");
  EnvelopeKms other("transit", bench.suite, *std::move(keys));
  Result<Opened> opened = other.Open(Where(), record);
  CheckCode(Code::kUnknownKey, opened);
  CHECK(opened.status().detail().find("unknown") != std::string::npos);
}

TEST(TransitKeys, AnswersThatAreNoKeyAreRefused) {
  std::unique_ptr<Kms> kms = bench.Transit();
  for (const char* body :
       {"{ }", "{\"data\":{\"ciphertext\":\"\"}}", "{\"data\":{\"ciphertext\":\"v1:QUJD\"}}",
        "{\"data\":{\"plaintext\":\"vault:v1:QUJD\"}}", "{\"data\":{\"ciphertext\":7}}"}) {
    vault.fault = [body](const HttpRequest&) {
      return Result<HttpAnswer>(FakeVault::Answer(200, body));
    };
    CheckCode(Code::kUnavailable, kms->Seal(Where(), kms_cases::InfoOf(kSmall), kSmall));
  }
}

TEST(TransitKeys, TheCacheIsBounded) {
  DataKeyCache cache(bench.clock);
  const SecretBytes key(32);
  for (size_t i = 0; i <= DataKeyCache::kMaxKeys; ++i) cache.Put(std::to_string(i), key);
  CHECK(cache.Get("0").empty());
  CHECK_FALSE(cache.Get("1").empty());
  bench.clock.Advance(DataKeyCache::kLifeUs / 1000);
  CHECK(cache.Get("1").empty());
}

TEST(TransitKeys, StoresMayMoveBetweenKinds) {
  // Sealed by each kind, opened by all together, whichever of them seals.
  bench.Add(Secret(NewKey()));
  const SecretString local = NewKeyText();
  const auto sources = [&](size_t seals) {
    std::vector<std::shared_ptr<KeySource>> all;
    all.push_back(*NewLocalKeys(bench.suite, local, SecretString()));
    all.push_back(*VaultKeys::New(bench.suite, bench.Client(), vault.kv_path, 60));
    all.push_back(*TransitKeys::New(bench.Client(), "transit", "states"));
    return std::make_unique<EnvelopeKms>("any", bench.suite,
                                         std::make_unique<CombinedKeys>(std::move(all), seals));
  };
  std::vector<Bytes> records;
  for (size_t i = 0; i < 3; ++i) records.push_back(MustSeal(*sources(i), Where(), kSmall));
  for (size_t i = 0; i < 3; ++i) {
    for (const Bytes& record : records) CheckOpens(*sources(i), Where(), record, kSmall);
    LONGS_EQUAL(3, sources(i)->Keys()->size());
  }
  // Vault is down: what the local key sealed is still there, the rest is not known to be absent.
  bench.Down();
  std::unique_ptr<EnvelopeKms> kms = sources(0);
  CheckOpens(*kms, Where(), records[0], kSmall);
  CheckCode(Code::kUnavailable, kms->Open(Where(), records[1]));
  CheckCode(Code::kUnavailable, kms->Open(Where(), records[2]));
}

}  // namespace stateward
