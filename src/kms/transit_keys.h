// A fresh data key for every record, encrypted (with the place it is for) by a key of Vault's
// Transit engine that never leaves Vault. Unwrapped keys are remembered for some minutes, so that a
// read costs no call.
#ifndef STATEWARD_KMS_TRANSIT_KEYS_H_
#define STATEWARD_KMS_TRANSIT_KEYS_H_

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/recent_look.h"
#include "kms/key_source.h"
#include "stateward/clock.h"
#include "stateward/result.h"
#include "stateward/secret.h"
#include "vault/vault_client.h"

namespace stateward {

// Bound data keys (kms/bound_key.h) by their wrapped form: bounded in number, each for some time,
// wiped when it goes. What comes out is checked like what Vault gives. Thread-safe.
class DataKeyCache {
 public:
  // A record's key is used for as long as clients plan and apply; who takes the right to
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

  Result<MessageKey> NewMessageKey(const SealContext& where) override;
  Result<SecretBytes> ResolveKey(const KeyId& id, ByteView wrapped,
                                 const SealContext& where) override;
  // A whole state that Transit encrypted: what the original stored.
  Result<LegacyPlain> OpenLegacy(ByteView blob) override;
  Result<std::vector<KnownKey>> Keys() override;
  // Encrypts a fixed text and decrypts it again. One look in two seconds for all who ask.
  Status Check() override { return check_.Get(); }
  std::string Warning() override { return rights_.Get().Text(); }
  int64_t CredentialEndsMs() override { return client_->TokenEndsMs(); }

  // The id that stands in headers: a digest of the Transit key's name, so that a record tells which
  // key wrapped its own. The mount is not part of it: Vault can move one.
  static KeyId IdOf(const std::string& key);

 private:
  // What Vault says that the token may do with the key.
  struct Rights {
    bool known = false;  // false: Vault does not tell (the token lacks its default policy)
    bool encrypt = false;
    bool decrypt = false;
    bool create = false;  // encrypting under a name that is not there would make a key

    // "" when it is as it should be, or not known.
    std::string Text() const;
  };

  TransitKeys(std::shared_ptr<VaultClient> client, std::string engine, std::string key);
  Result<SecretString> Encrypt(ByteView plain);
  Result<SecretBytes> Decrypt(ByteView text, uint64_t max_answer);
  Result<VaultAnswer> Send(std::string_view verb, std::string_view member, ByteView text,
                           uint64_t max_answer);
  Status KeyIsThere();
  Status Explain(const VaultAnswer& answer) const;
  Rights LookUpRights();
  Status TryBoth();

  const std::shared_ptr<VaultClient> client_;
  const std::string engine_;
  const std::string key_;
  const KeyId id_;
  DataKeyCache cache_;
  RecentLook<Rights> rights_;
  RecentLook<Status> check_;
};

}  // namespace stateward

#endif  // STATEWARD_KMS_TRANSIT_KEYS_H_
