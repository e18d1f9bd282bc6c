// Keys from Vault's KV, over a Vault in memory.
#include "kms/vault_keys.h"

#include <CppUTest/TestHarness.h>

#include "base/log.h"
#include "conformance/kms_cases.h"
#include "doubles/original_blobs.h"
#include "unit/kms/vault_bench.h"

namespace stateward {
namespace {

using kms_cases::CheckCode;
using kms_cases::CheckOpens;
using kms_cases::kSmall;
using kms_cases::MustSeal;
using kms_cases::Where;

}  // namespace

TEST_GROUP(VaultKv) {
  VaultBench bench;
  std::unique_ptr<Kms> kms;
  void setup() override {
    bench.Add(Secret(NewKey()));
    kms = bench.Kv();
  }
};
KMS_CONFORMS(VaultKv)

TEST_GROUP(VaultKeys) {
  VaultBench bench;
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
  VaultBench other;
  other.Add(Secret(NewKey()));
  const Bytes foreign = MustSeal(*other.Kv(), Where(), kSmall);
  bench.clock.Advance(5000);
  const int before = vault.calls;
  for (int i = 0; i < 10; ++i) CheckCode(Code::kUnknownKey, kms->Open(Where(), foreign));
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
  VaultBench other;
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
  CheckCode(Code::kUnknownKey, fresh->Open(Where(), second));
  CHECK(IdIn(MustSeal(*fresh, Where(), kSmall)) == IdIn(first));
  // Who had it keeps it.
  VaultBench other;
  other.Add(Secret(NewKey()));
  bench.clock.Advance(10000);
  CheckCode(Code::kUnknownKey, running->Open(Where(), MustSeal(*other.Kv(), Where(), kSmall)));
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

}  // namespace stateward
