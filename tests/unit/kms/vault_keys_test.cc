// Keys from Vault's KV and Transit, over a Vault in memory.
#include "kms/vault_keys.h"

#include <CppUTest/TestHarness.h>

#include "base/log.h"
#include "conformance/kms_cases.h"
#include "doubles/fake_clock.h"
#include "doubles/fake_vault.h"
#include "doubles/original_blobs.h"
#include "kms/combined_keys.h"
#include "kms/envelope_kms.h"
#include "kms/header.h"
#include "kms/key_text.h"
#include "kms/local_keys.h"
#include "kms/transit_keys.h"

namespace stateward {
namespace {

using kms_cases::CheckCode;
using kms_cases::CheckOpens;
using kms_cases::kSmall;
using kms_cases::MustSeal;
using kms_cases::Where;

std::string NewKey() { return std::string(NewKeyText().Reveal()); }
std::string Secret(const std::string& key) { return "{\"key\":\"" + key + "\"}"; }

struct Bench {
  FakeClock clock;
  FakeVault vault;
  std::shared_ptr<const Suite> suite = *Suite::Load();

  std::shared_ptr<VaultClient> Client() {
    VaultOptions options;
    options.address = "http://127.0.0.1:8200";
    options.auth.token = SecretString("root");
    options.first_pause_ms = 1;
    return *VaultClient::New(options, vault.Client(), clock, nullptr);
  }
  std::unique_ptr<Kms> Kv() {
    auto keys = VaultKeys::New(suite, Client(), vault.kv_path, 60);
    return std::make_unique<EnvelopeKms>("vault", suite, *std::move(keys));
  }
  std::unique_ptr<Kms> Transit() {
    auto keys = TransitKeys::New(Client(), "transit", "states");
    return std::make_unique<EnvelopeKms>("transit", suite, *std::move(keys));
  }
  void Down() {
    vault.fault = [](const HttpRequest&) {
      return Result<HttpAnswer>(Status::Unavailable("http: Couldn't connect to server"));
    };
  }
  void Up() {
    vault.fault = nullptr;
    clock.Advance(CircuitBreaker::kPauseUs / 1000);
  }
  void Add(const std::string& data) { vault.kv.push_back({data, false}); }
};

KeyId IdIn(const Bytes& record) { return ParseHeader(record)->key_id; }

}  // namespace

TEST_GROUP(VaultKv) {
  Bench bench;
  std::unique_ptr<Kms> kms;
  void setup() override {
    bench.Add(Secret(NewKey()));
    kms = bench.Kv();
  }
};
KMS_CONFORMS(VaultKv)

TEST_GROUP(VaultTransit) {
  Bench bench;
  std::unique_ptr<Kms> kms;
  void setup() override { kms = bench.Transit(); }
};
KMS_CONFORMS(VaultTransit)

TEST_GROUP(VaultKeys) {
  Bench bench;
  FakeVault& vault = bench.vault;
};

TEST(VaultKeys, EveryVersionOpensAndTheNewestSeals) {
  bench.Add(Secret(NewKey()));
  const Bytes first = MustSeal(*bench.Kv(), Where(), kSmall);
  bench.Add(Secret(NewKey()));
  bench.Add(Secret(NewKey()));
  std::unique_ptr<Kms> kms = bench.Kv();
  CheckOpens(*kms, Where(), first, kSmall);
  CHECK(IdIn(MustSeal(*kms, Where(), kSmall)) != IdIn(first));
  vault.kv.pop_back();
  vault.kv.pop_back();
  CHECK(IdIn(MustSeal(*bench.Kv(), Where(), kSmall)) == IdIn(first));
}

TEST(VaultKeys, AnUnknownKeyIsLookedUpOnceInAWhile) {
  bench.Add(Secret(NewKey()));
  std::unique_ptr<Kms> kms = bench.Kv();
  MustSeal(*kms, Where(), kSmall);
  bench.Add(Secret(NewKey()));
  const Bytes by_another = MustSeal(*bench.Kv(), Where(), kSmall);
  bench.clock.Advance(5000);
  CheckOpens(*kms, Where(), by_another, kSmall);
  CHECK(IdIn(MustSeal(*kms, Where(), kSmall)) == IdIn(by_another));  // and it seals from now on
  // A key that Vault has not either.
  Bench other;
  other.Add(Secret(NewKey()));
  const Bytes foreign = MustSeal(*other.Kv(), Where(), kSmall);
  bench.clock.Advance(5000);
  const int before = vault.calls;
  for (int i = 0; i < 10; ++i) CheckCode(Code::kCorruption, kms->Open(Where(), foreign));
  CHECK(vault.calls - before <= 2);
  bench.clock.Advance(5000);
  bench.Down();
  CheckCode(Code::kUnavailable, kms->Open(Where(), foreign));  // nobody can say
}

TEST(VaultKeys, AnOutageDoesNotTakeTheKeysAway) {
  bench.Add(Secret(NewKey()));
  std::unique_ptr<Kms> kms = bench.Kv();
  const Bytes record = MustSeal(*kms, Where(), kSmall);
  bench.Down();
  bench.clock.Advance(3600 * 1000);
  CheckOpens(*kms, Where(), record, kSmall);
  MustSeal(*kms, Where(), kSmall);
}

TEST(VaultKeys, WithoutVaultAtStartItTriesAgain) {
  bench.Add(Secret(NewKey()));
  bench.Down();
  std::unique_ptr<Kms> kms = bench.Kv();
  CheckCode(Code::kUnavailable, kms->Seal(Where(), kms_cases::InfoOf(kSmall), kSmall));
  CHECK_FALSE(kms->Check().ok());
  bench.Up();
  MustSeal(*kms, Where(), kSmall);
  CHECK(kms->Check().ok());
}

TEST(VaultKeys, WhatIsNoKeyIsSaid) {
  const auto text = [this] {
    bench.clock.Advance(10000);
    return bench.Kv()->Check().detail();
  };
  CHECK(text().find("no secret there") != std::string::npos);
  bench.Add("{\"value\":\"x\"}");
  CHECK(text().find("field \"key\"") != std::string::npos);
  bench.Add(Secret("c2hvcnQ="));
  CHECK(text().find("5 bytes") != std::string::npos);
  CHECK(text().find("keygen") != std::string::npos);
  bench.Add(Secret("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
  CHECK(text().find("too simple") != std::string::npos);
  // Older versions that are no keys do not matter.
  bench.Add(Secret(NewKey()));
  CHECK(bench.Kv()->Check().ok());
  bench.vault.kv_path = "elsewhere";
  CHECK_FALSE(VaultKeys::New(bench.suite, bench.Client(), "kv/terraform-backend", 60).ok());
}

TEST(VaultKeys, ANewestVersionThatIsBrokenChangesNothing) {
  bench.Add(Secret(NewKey()));
  std::unique_ptr<Kms> kms = bench.Kv();
  const Bytes record = MustSeal(*kms, Where(), kSmall);
  bench.Add("{\"keys\":\"mistyped\"}");
  Bench other;
  other.Add(Secret(NewKey()));
  bench.clock.Advance(10000);
  CheckCode(Code::kUnavailable, kms->Open(Where(), MustSeal(*other.Kv(), Where(), kSmall)));
  CHECK(IdIn(MustSeal(*kms, Where(), kSmall)) == IdIn(record));
}

TEST(VaultKeys, DeletedVersions) {
  bench.Add(Secret(NewKey()));
  const Bytes first = MustSeal(*bench.Kv(), Where(), kSmall);
  bench.Add(Secret(NewKey()));
  std::unique_ptr<Kms> running = bench.Kv();
  const Bytes second = MustSeal(*running, Where(), kSmall);
  vault.kv[1].deleted = true;
  // Who starts now cannot open it, and seals with what is left.
  std::unique_ptr<Kms> fresh = bench.Kv();
  CheckCode(Code::kCorruption, fresh->Open(Where(), second));
  CHECK(IdIn(MustSeal(*fresh, Where(), kSmall)) == IdIn(first));
  // Who had it keeps it.
  Bench other;
  other.Add(Secret(NewKey()));
  bench.clock.Advance(10000);
  CheckCode(Code::kCorruption, running->Open(Where(), MustSeal(*other.Kv(), Where(), kSmall)));
  CheckOpens(*running, Where(), second, kSmall);
  CHECK(IdIn(MustSeal(*running, Where(), kSmall)) == IdIn(first));
  vault.kv[0].deleted = true;
  CHECK(bench.Kv()->Check().detail().find("deleted or destroyed") != std::string::npos);
  vault.kv[1].deleted = false;  // undeleted
  bench.clock.Advance(10000);
  CheckOpens(*fresh, Where(), second, kSmall);
}

TEST(VaultKeys, LegacyBlobsOpenWithAnyVersion) {
  const std::string key = NewKey();
  bench.Add(Secret(key));
  bench.Add(Secret(NewKey()));
  const std::string_view state = "{\"version\":4}";
  const Bytes blob = SealAsOriginal(*bench.suite, *ParseKey(key), state);
  Result<SecretBytes> opened = bench.Kv()->OpenLegacy(blob);
  CHECK(opened.ok());
  CHECK(ByteView(*opened) == ByteView(state));
}

TEST_GROUP(TransitKeys) {
  Bench bench;
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
  CheckCode(Code::kCorruption, later->Open(Where(), first));
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
    CheckCode(Code::kCorruption, kms->OpenLegacy(std::string_view(bad)));
  }
  LONGS_EQUAL(calls, vault.calls);
  CheckCode(Code::kCorruption, kms->OpenLegacy(std::string_view("vault:v1:QUJD")));
}

TEST(TransitKeys, ARecordOfAnotherKeyIsUnknown) {
  const Bytes record = MustSeal(*bench.Transit(), Where(), kSmall);
  auto keys = TransitKeys::New(bench.Client(), "transit", "others");
  EnvelopeKms other("transit", bench.suite, *std::move(keys));
  Result<Opened> opened = other.Open(Where(), record);
  CheckCode(Code::kCorruption, opened);
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
    std::vector<std::unique_ptr<KeySource>> all;
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
