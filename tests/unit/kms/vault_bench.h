// A Vault in memory and the kinds of keys over it: what the tests of KV and Transit share.
#ifndef STATEWARD_TESTS_UNIT_KMS_VAULT_BENCH_H_
#define STATEWARD_TESTS_UNIT_KMS_VAULT_BENCH_H_

#include <memory>
#include <string>
#include <utility>

#include "doubles/fake_clock.h"
#include "doubles/fake_vault.h"
#include "kms/envelope_kms.h"
#include "kms/header.h"
#include "kms/key_text.h"
#include "kms/transit_keys.h"
#include "kms/vault_keys.h"

namespace stateward {

inline std::string NewKey() { return std::string(NewKeyText().Reveal()); }
inline std::string Secret(const std::string& key) { return "{\"key\":\"" + key + "\"}"; }

// Kms over one Vault in memory.
struct VaultBench {
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

inline KeyId IdIn(const Bytes& record) { return ParseHeader(record)->key_id; }

}  // namespace stateward

#endif  // STATEWARD_TESTS_UNIT_KMS_VAULT_BENCH_H_
