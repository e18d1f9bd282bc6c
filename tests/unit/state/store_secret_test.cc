// The store's secret, sealed in its identity file: names of principals, and the check of the keys.
#include "state/store_secret.h"

#include <CppUTest/TestHarness.h>

#include <memory>
#include <string>

#include "base/hex.h"
#include "base/sha256.h"
#include "doubles/fake_clock.h"
#include "doubles/fake_vault.h"
#include "doubles/mem_locker.h"
#include "doubles/mem_storage.h"
#include "kms/envelope_kms.h"
#include "kms/open_kms.h"
#include "kms/transit_keys.h"

namespace stateward {
namespace {

constexpr char kOne[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
constexpr char kTwo[] = "4pTzqUoUoMFzS0tZ5mM1c1sTL4wGv0q1m7r9a3HkX2c=";
const std::string kTenant(64, '7');

std::unique_ptr<Kms> With(const char* key, const char* ring = "") {
  KmsSettings settings;
  settings.key = SecretString(key);
  settings.keyring = SecretString(ring);
  return *OpenKms(settings);
}

// What a reader of the log would try guesses of a secret with, had the digest no key.
std::string Unkeyed(const std::string& text) { return HexEncode(Sha256(text)).substr(0, 16); }

}  // namespace

TEST_GROUP(StoreSecret) {
  FakeClock clock;
  MemStorage storage;
  MemLocker locker{clock};
  StoreGate gate{storage, locker};
  StoreSecret secret;
  std::unique_ptr<Kms> one = With(kOne);

  void setup() override { CHECK(gate.Init(false, *one).ok()); }
  std::string Name(Kms & kms) {
    Result<std::string> name = secret.NameOf(kTenant, gate, storage, kms);
    return name.ok() ? *name : std::string(CodeName(name.status().code()));
  }
  // As rekey does.
  void Reseal(Kms & from, Kms & to) {
    const StoreIdentity was = *storage.ReadIdentity();
    StoreIdentity now = was;
    const SealContext where = StoreSecretPlace(was.store_id, was.format);
    Result<Opened> opened = from.Open(where, was.sealed_secret);
    now.sealed_secret = *to.Seal(where, opened->info, opened->document);
    CHECK(storage.WriteIdentity(now, &was).ok());
  }
};

TEST(StoreSecret, NamesAreOfTheStoreAlone) {
  const std::string name = Name(*one);
  CHECK(IsHex(name, 16));
  STRCMP_EQUAL(name.c_str(), Name(*one).c_str());
  for (const std::string& text : {kTenant, "stateward principal v1:" + kTenant}) {
    CHECK(name != Unkeyed(text));
  }
  MemStorage other_storage;
  StoreGate other_gate(other_storage, locker);
  CHECK(other_gate.Init(false, *one).ok());
  StoreSecret other;
  CHECK(name != *other.NameOf(kTenant, other_gate, other_storage, *one));
  CHECK(name != *secret.NameOf(std::string(64, '8'), gate, storage, *one));
}

TEST(StoreSecret, IsOpenedOnceAndKept) {
  STRCMP_EQUAL("unknown_key", Name(*With(kTwo)).c_str());
  const std::string name = Name(*one);
  STRCMP_EQUAL(name.c_str(), Name(*With(kTwo)).c_str());
}

TEST(StoreSecret, ARotationDoesNotChangeIt) {
  std::unique_ptr<Kms> both = With(kTwo, kOne);
  std::unique_ptr<Kms> two = With(kTwo);
  CHECK(gate.Store().ok());  // has read what `one` sealed
  Reseal(*both, *two);
  const std::string name = Name(*two);  // although the gate does not know the new form
  StoreGate later(storage, locker);
  CHECK_FALSE(StoreSecret().NameOf(kTenant, later, storage, *one).ok());
  Reseal(*both, *one);
  StoreSecret fresh;
  STRCMP_EQUAL(name.c_str(), fresh.NameOf(kTenant, later, storage, *one)->c_str());
}

// B6: a wrong key is seen without reading a state, within two seconds: /ready's own look takes 1.5
// of them.
TEST(StoreSecret, TheWrongKeyIsSeen) {
  std::unique_ptr<Kms> wrong = With(kTwo);
  KeyCheck check(storage, *wrong, clock);
  CHECK(check.Get().code() == Code::kUnknownKey);
  STRCMP_CONTAINS("unknown", check.Get().detail().c_str());
  KeyCheck good(storage, *one, clock);
  CHECK(good.Get().ok());
  // Sealed with another key meanwhile.
  std::unique_ptr<Kms> both = With(kTwo, kOne);
  Reseal(*both, *both);
  clock.Advance(399);
  CHECK(good.Get().ok());
  CHECK_FALSE(check.Get().ok());
  clock.Advance(1);
  CHECK(good.Get().code() == Code::kUnknownKey);
  CHECK(check.Get().ok());
}

TEST(StoreSecret, WithoutAnIdentityFileTheKeyIsNotBlamed) {
  std::unique_ptr<Kms> wrong = With(kTwo);
  KeyCheck check(storage, *wrong, clock);
  storage.RemoveMarker();
  CHECK(check.Get().ok());
}

// A reload does not give up keys for some of which nobody knows anything.
TEST(StoreSecret, WithoutAnIdentityFileNoKeyIsProved) {
  CHECK(KeyCheck(storage, *one, clock).Prove().ok());
  CHECK(KeyCheck(storage, *With(kTwo), clock).Prove().code() == Code::kUnknownKey);
  storage.RemoveMarker();
  CHECK(KeyCheck(storage, *one, clock).Prove().code() == Code::kUnavailable);
}

TEST(StoreSecret, ANewStoreWaitsForTheKeyService) {
  FakeVault vault;
  VaultOptions options;
  options.address = "http://127.0.0.1:8200";
  options.auth.token = SecretString("root");
  options.first_pause_ms = 1;
  std::shared_ptr<VaultClient> client = *VaultClient::New(options, vault.Client(), clock, nullptr);
  EnvelopeKms transit("transit", *Suite::Load(), *TransitKeys::New(client, "transit", "states"));
  vault.fault = [](const HttpRequest&) {
    return Result<HttpAnswer>(Status::Unavailable("http: Couldn't connect to server"));
  };
  MemStorage empty;
  StoreGate fresh(empty, locker);
  CHECK(fresh.Store().status().code() == Code::kUnavailable);
  CHECK(fresh.Init(false, transit).code() == Code::kUnavailable);
  CHECK(fresh.Store().status().code() == Code::kUnavailable);
  CHECK(empty.ReadIdentity().status().code() == Code::kNotFound);  // nothing is half made
  vault.fault = nullptr;
  clock.Advance(CircuitBreaker::kPauseUs / 1000);
  CHECK(fresh.Store().ok());
  CHECK(secret.NameOf(kTenant, fresh, empty, transit).ok());
  // Without Init nothing is made.
  MemStorage another;
  StoreGate not_asked(another, locker);
  CHECK_FALSE(not_asked.Store().ok());
  CHECK(another.ReadIdentity().status().code() == Code::kNotFound);
}

}  // namespace stateward
