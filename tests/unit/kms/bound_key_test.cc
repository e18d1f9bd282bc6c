// A1: a data key that leaked, with its wrapped form, serves the one state that it was made for.
#include "kms/bound_key.h"

#include <CppUTest/TestHarness.h>

#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "conformance/kms_cases.h"
#include "doubles/fake_clock.h"
#include "doubles/fake_vault.h"
#include "doubles/original_blobs.h"
#include "kms/combined_keys.h"
#include "kms/envelope.h"
#include "kms/envelope_kms.h"
#include "kms/header.h"
#include "kms/key_text.h"
#include "kms/local_keys.h"
#include "kms/open_kms.h"
#include "kms/transit_keys.h"
#include "kms/vault_keys.h"

namespace stateward {
namespace {

using kms_cases::CheckCode;
using kms_cases::CheckOpens;
using kms_cases::InfoOf;
using kms_cases::MustSeal;
using kms_cases::Where;

constexpr std::string_view kDoc = "{\"version\":4}";
constexpr std::string_view kForged = "{\"version\":4,\"forged\":true}";

SealContext OtherState() {
  SealContext where = Where();
  where.id = StateId::Of({"", "network", "victim"});
  return where;
}
SealContext OtherStore() {
  SealContext where = Where();
  where.store_id = std::string(32, 'f');
  return where;
}

}  // namespace

TEST_GROUP(LeakedPair) {
  std::shared_ptr<const Suite> suite = *Suite::Load();
  FakeClock clock;
  FakeVault vault;
  SecretString text = NewKeyText();
  MessageKey leaked;  // of the state Where()

  std::shared_ptr<VaultClient> Client() {
    VaultOptions options;
    options.address = "http://127.0.0.1:8200";
    options.auth.token = SecretString("root");
    return *VaultClient::New(options, vault.Client(), clock, nullptr);
  }
  std::unique_ptr<KeySource> Transit() { return *TransitKeys::New(Client(), "transit", "states"); }
  std::unique_ptr<KeySource> Local() { return *NewLocalKeys(suite, text, SecretString()); }
  std::unique_ptr<Kms> With(std::unique_ptr<KeySource> keys) {
    return std::make_unique<EnvelopeKms>("test", suite, std::move(keys));
  }
  // What somebody makes who has the pair and may write to the store.
  Bytes Forge(const SealContext& where) {
    MessageId message;
    FillRandom(message.data(), message.size());
    return *SealEnvelope(*suite, leaked, message, where, InfoOf(kForged), kForged);
  }
  // The wrapped key stands in a record's header; what is in it leaked somehow.
  void LeakFrom(const Bytes& record, KeySource& keys) {
    Result<Header> header = ParseHeader(record);
    leaked.id = header->key_id;
    leaked.wrapped = header->wrapped;
    leaked.key = *keys.ResolveKey(header->key_id, header->wrapped, Where());
  }
  // `want`: kUnknownKey of keys that have no wrapped form.
  void CheckServesNoOther(Kms & kms, Code want = Code::kCorruption) {
    for (const SealContext& where : {OtherState(), OtherStore()}) {
      const Bytes forged = Forge(where);
      CheckCode(want, kms.Open(where, forged));
      CheckCode(want, kms.OpenInfo(where, forged));
    }
    CheckCode(want, kms.OpenLegacy(leaked.wrapped));
  }
};

TEST(LeakedPair, OfTransitWithAColdAndAWarmCache) {
  std::unique_ptr<KeySource> attackers = Transit();
  std::unique_ptr<Kms> kms = With(Transit());
  const Bytes record = MustSeal(*kms, Where(), kDoc);  // its key is in the cache now
  LeakFrom(record, *attackers);
  const int before = vault.calls;
  CheckServesNoOther(*kms);
  LONGS_EQUAL(before + 1, vault.calls);  // for the legacy blob alone: the others met the cache
  CheckOpens(*kms, Where(), Forge(Where()), kForged);  // the forger's tool works
  std::unique_ptr<Kms> cold = With(Transit());
  CheckServesNoOther(*cold);
  CheckOpens(*cold, Where(), record, kDoc);
  CheckServesNoOther(*cold);
}

TEST(LeakedPair, OfTransitBesideOtherKeys) {
  std::unique_ptr<KeySource> attackers = Transit();
  LeakFrom(MustSeal(*With(Transit()), Where(), kDoc), *attackers);
  for (size_t seals : {size_t{0}, size_t{1}}) {
    std::vector<std::shared_ptr<KeySource>> both;
    both.push_back(Local());
    both.push_back(Transit());
    std::unique_ptr<Kms> kms = With(std::make_unique<CombinedKeys>(std::move(both), seals));
    CheckServesNoOther(*kms);
    CheckOpens(*kms, Where(), Forge(Where()), kForged);
    CheckServesNoOther(*kms);
  }
}

TEST(LeakedPair, OfExportedKeys) {
  SecretBytes key(kKeyBytes);
  FillRandom(key.data(), key.size());
  const std::string wrapped =
      TransitText(*suite, *ParseKey(text.Reveal()), 1, *BindKey(key, Where()));
  leaked = {TransitKeys::IdOf("states"), key, Bytes(wrapped.begin(), wrapped.end())};
  KmsSettings settings;
  settings.only_opens = true;
  settings.transit_exported = text;
  std::unique_ptr<Kms> kms = *OpenKms(settings);
  CheckServesNoOther(*kms);
  CheckOpens(*kms, Where(), Forge(Where()), kForged);
}

// Keys of a ring have no wrapped form: a record that brings one does not open.
TEST(LeakedPair, BesideKeysOfARing) {
  std::unique_ptr<KeySource> attackers = Transit();
  LeakFrom(MustSeal(*With(Transit()), Where(), kDoc), *attackers);
  vault.kv.push_back({"{\"key\":\"" + std::string(text.Reveal()) + "\"}", false});
  std::unique_ptr<Kms> kv = With(*VaultKeys::New(suite, Client(), vault.kv_path, 60));
  std::unique_ptr<Kms> local = With(Local());
  for (Kms* kms : {kv.get(), local.get()}) {
    CheckServesNoOther(*kms, Code::kUnknownKey);
    CheckCode(Code::kUnknownKey, kms->Open(Where(), Forge(Where())));
    leaked.id = suite->IdOf(*ParseKey(text.Reveal()));
    CheckServesNoOther(*kms, Code::kUnknownKey);
    CheckCode(Code::kUnknownKey, kms->Open(Where(), Forge(Where())));
  }
}

// What the original had Transit encrypt is whatever a client sent: of the right length, even.
TEST(LeakedPair, AStateOfTheOriginalIsNoWrappedKey) {
  std::unique_ptr<KeySource> keys = Transit();
  for (size_t n : {size_t{0}, size_t{32}, size_t{63}, size_t{64}, size_t{65}, size_t{96}}) {
    const std::string blob = vault.EncryptWhole(std::string(n, 'k'));
    CheckCode(Code::kCorruption, keys->ResolveKey(TransitKeys::IdOf("states"), blob, Where()));
  }
}

TEST_GROUP(BoundKey){};

TEST(BoundKey, EachPartOfThePlaceCounts) {
  const SecretBytes key(kKeyBytes, 7);
  const SecretBytes bound = *BindKey(key, Where());
  LONGS_EQUAL(kBoundKeyBytes, bound.size());
  CHECK(*UnbindKey(bound, Where()) == key);
  CHECK(*UnbindKey(bound, Where(8)) == key);  // every version of the state
  CheckCode(Code::kCorruption, UnbindKey(bound, OtherState()));
  CheckCode(Code::kCorruption, UnbindKey(bound, OtherStore()));
  for (size_t bit = kKeyBytes * 8; bit < bound.size() * 8; ++bit) {
    SecretBytes flipped = bound;
    flipped[bit / 8] = static_cast<uint8_t>(flipped[bit / 8] ^ (1 << bit % 8));
    CheckCode(Code::kCorruption, UnbindKey(flipped, Where()));
  }
  for (size_t n = 0; n < bound.size(); ++n) {
    CheckCode(Code::kCorruption, UnbindKey({bound.data(), n}, Where()));
  }
  SealContext nowhere = Where();
  nowhere.store_id = "short";
  CheckCode(Code::kInvalidArgument, BindKey(key, nowhere));
  CheckCode(Code::kInvalidArgument, UnbindKey(bound, nowhere));
}

}  // namespace stateward
