// Keys from the settings: KMS_KEY seals and opens, those of KMS_KEYRING only open.
#ifndef STATEWARD_KMS_LOCAL_KEYS_H_
#define STATEWARD_KMS_LOCAL_KEYS_H_

#include <memory>
#include <utility>
#include <vector>

#include "kms/key_source.h"
#include "kms/keyring.h"
#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

class LocalKeys : public KeySource {
 public:
  explicit LocalKeys(Keyring ring) : ring_(std::move(ring)) {}

  Result<MessageKey> NewMessageKey(const SealContext&) override { return ring_.NewMessageKey(); }
  Result<SecretBytes> ResolveKey(const KeyId& id, ByteView wrapped, const SealContext&) override {
    return ring_.ResolveKey(id, wrapped);
  }
  Result<LegacyPlain> OpenLegacy(ByteView blob) override { return ring_.OpenLegacy(blob); }
  Result<std::vector<KnownKey>> Keys() override;
  Status Check() override { return Status(); }

 private:
  const Keyring ring_;
};

// kInvalidArgument, naming the setting, for keys that are broken or weak, and for a KMS_KEY that is
// missing although it is to seal. As a source that only reads it may have none: then the first of
// KMS_KEYRING stands in its place.
Result<std::unique_ptr<KeySource>> NewLocalKeys(std::shared_ptr<const Suite> suite,
                                                const SecretString& key,
                                                const SecretString& keyring, bool seals = true);

}  // namespace stateward

#endif  // STATEWARD_KMS_LOCAL_KEYS_H_
