// A fresh data key for every record, wrapped by a key of Vault's Transit engine that never leaves
// Vault. Unwrapped keys are remembered for some minutes, so that a read costs no call.
#ifndef STATEWARD_KMS_TRANSIT_KEYS_H_
#define STATEWARD_KMS_TRANSIT_KEYS_H_

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "client/vault_client.h"
#include "kms/key_source.h"
#include "stateward/clock.h"
#include "stateward/result.h"

namespace stateward {

// Data keys by their wrapped form: bounded, each for some time, wiped when it goes. Thread-safe.
class DataKeyCache {
 public:
  // A record's key is used for as long as clients plan and apply; whoever takes the right to
  // unwrap away wants it to hold soon.
  static constexpr int64_t kLifeUs = int64_t{5} * 60 * 1000 * 1000;
  // About 300 bytes each: as many states as are worked on within five minutes, many times.
  static constexpr size_t kMaxKeys = 4096;

  explicit DataKeyCache(const Clock& clock) : clock_(clock) {}
  // Empty: not there.
  SecretBytes Get(const std::string& wrapped);
  void Put(const std::string& wrapped, const SecretBytes& key);
  // Wipes what is older than kLifeUs.
  void Sweep();

 private:
  struct Entry {
    std::string wrapped;
    SecretBytes key;
    int64_t until_us = 0;
  };
  void DropOld(int64_t now);  // REQUIRES: mutex_ is held

  const Clock& clock_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // oldest first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_wrapped_;
};

// "vault:v12:…" gives 12; 0: not a text of Transit. `whole`: a base64 text must follow.
uint64_t TransitVersion(ByteView text);

class TransitKeys : public KeySource {
 public:
  // Call before client->Start(). kInvalidArgument: a name that Vault cannot have.
  static Result<std::unique_ptr<TransitKeys>> New(std::shared_ptr<VaultClient> client,
                                                  std::string engine, std::string key);
  ~TransitKeys() override { client_->Stop(); }

  Result<MessageKey> NewMessageKey() override;
  Result<SecretBytes> ResolveKey(const KeyId& id, ByteView wrapped) override;
  // A whole state that Transit encrypted: what the original stored.
  Result<SecretBytes> OpenLegacy(ByteView blob) override;
  Result<std::vector<KnownKey>> Keys() override;

  // The id that stands in headers: a digest of the Transit key's name, so that a record tells which
  // key wrapped its own. The mount is not part of it: Vault can move one.
  static KeyId IdOf(const std::string& key);

 private:
  TransitKeys(std::shared_ptr<VaultClient> client, std::string engine, std::string key)
      : client_(std::move(client)),
        engine_(std::move(engine)),
        key_(std::move(key)),
        id_(IdOf(key_)),
        cache_(client_->clock()) {}
  Result<SecretBytes> Decrypt(ByteView text, uint64_t max_answer);
  Status Explain(const VaultAnswer& answer) const;

  const std::shared_ptr<VaultClient> client_;
  const std::string engine_;
  const std::string key_;
  const KeyId id_;
  DataKeyCache cache_;
};

}  // namespace stateward

#endif  // STATEWARD_KMS_TRANSIT_KEYS_H_
