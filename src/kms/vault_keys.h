// Keys from Vault's KV v2: every version of one secret is a key of the ring, the newest seals.
//
// What was read once stays in memory, so that neither an outage of Vault nor a version that was
// deleted there makes states unreadable while the process runs.
#ifndef STATEWARD_KMS_VAULT_KEYS_H_
#define STATEWARD_KMS_VAULT_KEYS_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "kms/key_source.h"
#include "kms/keyring.h"
#include "stateward/result.h"
#include "vault/vault_client.h"

namespace stateward {

class VaultKeys : public KeySource {
 public:
  // `path`: as the API has it, "kv/data/terraform-backend". Call before client->Start(): the
  // secret is read again every poll_seconds. kInvalidArgument: not a path of KV v2.
  static Result<std::unique_ptr<VaultKeys>> New(std::shared_ptr<const Suite> suite,
                                                std::shared_ptr<VaultClient> client,
                                                std::string path, uint64_t poll_seconds);
  ~VaultKeys() override { client_->Stop(); }

  Result<MessageKey> NewMessageKey(const SealContext&) override;
  // An id that is not in the ring is looked up in Vault before it is unknown, at most once in some
  // seconds.
  Result<SecretBytes> ResolveKey(const KeyId& id, ByteView wrapped, const SealContext&) override;
  Result<LegacyPlain> OpenLegacy(ByteView blob) override;
  Result<std::vector<KnownKey>> Keys() override;
  // Keys that were read serve on without Vault.
  Status Check() override;
  int64_t CredentialEndsMs() override { return client_->TokenEndsMs(); }

 private:
  // What was read so far; exchanged as a whole.
  struct Known {
    Keyring ring;
    std::vector<KnownKey> labels;
    uint64_t newest = 0;  // number and key of the newest version, also if it is deleted
    SecretBytes newest_key;
  };
  using KnownPtr = std::shared_ptr<const Known>;

  // One version as Vault has it.
  struct Read {
    uint64_t number = 0;
    bool alive = false;  // neither deleted nor destroyed
    SecretBytes key;
    std::string trouble;  // why it has no key although it is alive
  };

  VaultKeys(std::shared_ptr<const Suite> suite, std::shared_ptr<VaultClient> client,
            std::string path, uint64_t poll_seconds)
      : suite_(std::move(suite)),
        client_(std::move(client)),
        path_(std::move(path)),
        poll_seconds_(poll_seconds) {}

  KnownPtr Have();
  Result<KnownPtr> Ring();
  // Reads again, unless that was done in the last microseconds: then that outcome.
  Status Refresh(int64_t not_within_us);
  Result<SecretBytes> LookUp(const KeyId& id);
  // REQUIRES for both: load_mutex_ is held. `all`: also the older versions, when the newest is the
  // one that is known.
  Status LoadAndSay(bool all);
  Status Load(bool all);
  Result<Read> ReadVersion(uint64_t number);
  Status Adopt(Read newest);
  Result<std::vector<Read>> ReadOlder(uint64_t top);
  Status Exchange(const Read& sealing, const std::vector<Read>& versions);
  int64_t Poll();

  const std::shared_ptr<const Suite> suite_;
  const std::shared_ptr<VaultClient> client_;
  const std::string path_;
  const uint64_t poll_seconds_;

  std::mutex load_mutex_;  // held while Vault is read: one is enough for all
  int64_t loaded_us_ = 0;
  Status loaded_;  // how that went
  // Ids that were looked up in vain, and since when they are remembered.
  std::vector<KeyId> unknown_;
  int64_t looked_up_us_ = 0;
  std::string said_;  // the trouble that the log holds already

  std::mutex mutex_;
  KnownPtr known_;  // null: nothing was read yet
};

}  // namespace stateward

#endif  // STATEWARD_KMS_VAULT_KEYS_H_
