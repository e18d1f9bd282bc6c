// D11: a host that does not know the key of the newest record writes nothing, whoever asks; damage
// that a known key proves is another matter. On every kind of keys.
#include <CppUTest/TestHarness.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "doubles/fake_vault.h"
#include "kms/combined_keys.h"
#include "kms/exported_keys.h"
#include "kms/header.h"
#include "kms/key_text.h"
#include "kms/local_keys.h"
#include "kms/transit_keys.h"
#include "kms/vault_keys.h"
#include "unit/state/service_fixture.h"

namespace stateward {
namespace {

constexpr size_t kAtKeyId = 8;

}  // namespace

TEST_GROUP_BASE(UnknownKey, ServiceFixture) {
  // Two hosts of one store.
  struct Hosts {
    std::unique_ptr<Kms> knows, other;
  };
  std::shared_ptr<const Suite> suite = *Suite::Load();
  FakeVault vault, others_vault;

  std::shared_ptr<VaultClient> Client(FakeVault & of) {
    VaultOptions options;
    options.address = "http://127.0.0.1:8200";
    options.auth.token = SecretString("root");
    return *VaultClient::New(options, of.Client(), clock, nullptr);
  }
  std::unique_ptr<Kms> With(std::unique_ptr<KeySource> keys) {
    return std::make_unique<EnvelopeKms>("test", suite, std::move(keys));
  }
  std::unique_ptr<KeySource> Local() { return *NewLocalKeys(suite, NewKeyText(), SecretString()); }
  std::unique_ptr<KeySource> Kv(FakeVault & of) {
    of.kv.push_back({"{\"key\":\"" + std::string(NewKeyText().Reveal()) + "\"}", false});
    return *VaultKeys::New(suite, Client(of), of.kv_path, 60);
  }
  std::unique_ptr<KeySource> Transit(FakeVault & of) {
    return *TransitKeys::New(Client(of), "transit", "states");
  }
  std::unique_ptr<KeySource> Both(std::unique_ptr<KeySource> one, std::unique_ptr<KeySource> two) {
    std::vector<std::shared_ptr<KeySource>> both;
    both.push_back(std::move(one));
    both.push_back(std::move(two));
    return std::make_unique<CombinedKeys>(std::move(both), 0);
  }
  std::vector<Hosts> EveryKind() {
    std::vector<Hosts> kinds;
    kinds.push_back({With(Local()), With(Local())});
    kinds.push_back({With(Kv(vault)), With(Kv(others_vault))});
    kinds.push_back({With(Transit(vault)), With(Transit(others_vault))});  // a key of the same name
    kinds.push_back(
        {With(Transit(vault)), With(Both(Local(), *ExportedKeys::New(suite, NewKeyText())))});
    kinds.push_back(
        {With(Both(Transit(vault), Kv(vault))), With(Both(Local(), Transit(others_vault)))});
    return kinds;
  }
  void OnEveryKind(const std::function<void(Hosts&)>& test) {
    int kind = 0;
    for (Hosts& hosts : EveryKind()) {
      grant = As("secret", "p", ("kind-" + std::to_string(++kind)).c_str());
      test(hosts);
      service.reset();
    }
  }
  void On(Kms & its) {
    service.reset();
    service =
        std::make_unique<StateService>(storage, locker, its, gate, clock, observer, log, rules);
  }
  void WritesNothing(const std::string& lock) {
    const uint64_t head = HeadOf();
    for (const char* lineage : {"L", "another"}) {
      for (uint64_t serial : {3, 7, 9}) Is(Code::kUnknownKey, Put(Doc(serial, lineage), lock));
    }
    Is(Code::kUnknownKey, Delete(lock));
    STRCMP_EQUAL("unknown_key", Get().c_str());
    LONGS_EQUAL(head, HeadOf());
  }
};

TEST(UnknownKey, AHostWithoutItWritesNothing) {
  OnEveryKind([this](Hosts& hosts) {
    On(*hosts.knows);
    Is(Code::kOk, Put(Doc(7)));
    On(*hosts.other);
    WritesNothing("");
    Is(Code::kOk, Lock("a"));
    WritesNothing("a");
    On(*hosts.knows);
    Is(Code::kOk, Put(Doc(8), "a"));
    On(*hosts.other);
    WritesNothing("a");
    Is(Code::kOk, Unlock("a"));
    On(*hosts.knows);
    Holds(Doc(8));
    LONGS_EQUAL(2, HeadOf());
  });
}

// A no-op record under a key that the others perhaps lack would hide the state from them.
TEST(UnknownKey, ItTakesNoNumberAwayEither) {
  locker.still = false;
  OnEveryKind([this](Hosts& hosts) {
    On(*hosts.knows);
    Is(Code::kOk, Put(Doc(7)));
    Is(Code::kOk, Lock("a"));
    On(*hosts.other);
    Is(Code::kOk, Unlock(""));
    Is(Code::kUnknownKey, Lock("b"));
    LONGS_EQUAL(1, HeadOf());
    On(*hosts.knows);
    Is(Code::kOk, Lock("b"));
    LONGS_EQUAL(2, HeadOf());
    On(*hosts.other);
    WritesNothing("b");
    On(*hosts.knows);
    Is(Code::kOk, Put(Doc(8), "b"));
    Holds(Doc(8));
    Is(Code::kOk, Unlock("b"));
  });
}

TEST(UnknownKey, ADamagedKeyIdIsNoProofOfDamage) {
  OnEveryKind([this](Hosts& hosts) {
    On(*hosts.knows);
    Is(Code::kOk, Put(Doc(7)));
    const size_t wrapped = ParseHeader(*storage.Get(Id(), 1))->wrapped.size();
    for (size_t at : {kAtKeyId, wrapped > 0 ? kFixedHeader + wrapped - 2 : kAtKeyId + 15}) {
      storage.DamageAt(Id(), 1, at);
      On(*hosts.knows);
      WritesNothing("");
      const std::string lock = "a" + std::to_string(at);
      Is(Code::kOk, Lock(lock));
      WritesNothing(lock);
      Is(Code::kOk, Unlock(lock));
      storage.DamageAt(Id(), 1, at);
    }
    Holds(Doc(7));
  });
}

TEST(UnknownKey, DamageIsPutRightWhereTheKeyIsKnown) {
  OnEveryKind([this](Hosts& hosts) {
    On(*hosts.knows);
    Is(Code::kOk, Put(Doc(7)));
    storage.DamageFront(Id(), 1);
    On(*hosts.knows);
    Is(Code::kCorruption, Put(Doc(9)));
    STRCMP_EQUAL("corruption", Get().c_str());
    On(*hosts.other);
    Is(Code::kOk, Lock("a"));
    WritesNothing("a");
    On(*hosts.knows);
    Is(Code::kOk, Put(Doc(3), "a"));
    Holds(Doc(3));
    Is(Code::kOk, Unlock("a"));
  });
}

}  // namespace stateward
