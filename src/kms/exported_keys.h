// Transit keys that were exported from Vault (`vault read transit/export/encryption-key/NAME`):
// they open what Transit wrapped or encrypted, without Vault. For the day on which it is gone.
#ifndef STATEWARD_KMS_EXPORTED_KEYS_H_
#define STATEWARD_KMS_EXPORTED_KEYS_H_

#include <memory>
#include <utility>
#include <vector>

#include "kms/key_source.h"
#include "kms/keyring.h"
#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

// nonce ‖ ciphertext ‖ tag of a text of Transit: the form in which the original's local key sealed
// too. kCorruption: not such a text.
Result<Bytes> DecodeTransitText(ByteView text);

class ExportedKeys : public KeySource {
 public:
  // One key for each version of the Transit key, of type aes256-gcm96. kInvalidArgument as
  // ParseKeys.
  static Result<std::unique_ptr<KeySource>> New(std::shared_ptr<const Suite> suite,
                                                const SecretString& keys);

  // kInvalidArgument: they only open.
  Result<MessageKey> NewMessageKey(const SealContext&) override;
  Result<SecretBytes> ResolveKey(const KeyId& id, ByteView wrapped,
                                 const SealContext& where) override;
  Result<LegacyPlain> OpenLegacy(ByteView blob) override;
  Result<std::vector<KnownKey>> Keys() override { return std::vector<KnownKey>(); }
  Status Check() override { return Status(); }

 private:
  explicit ExportedKeys(Keyring ring) : ring_(std::move(ring)) {}
  const Keyring ring_;
};

}  // namespace stateward

#endif  // STATEWARD_KMS_EXPORTED_KEYS_H_
