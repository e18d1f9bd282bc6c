#include "kms/local_keys.h"

#include <vector>

#include "kms/key_text.h"

namespace stateward {

Result<std::vector<KnownKey>> LocalKeys::Keys() {
  std::vector<KnownKey> out;
  for (const Keyring::Entry& entry : ring_.entries()) out.push_back({entry.id, "local"});
  return out;
}

Result<std::unique_ptr<KeySource>> NewLocalKeys(std::shared_ptr<const Suite> suite,
                                                const SecretString& key,
                                                const SecretString& keyring, bool seals) {
  Result<std::vector<SecretBytes>> others = ParseKeys(keyring.Reveal());
  if (!others.ok()) return std::move(others).status().At("KMS_KEYRING");
  std::vector<SecretBytes> keys;
  keys.reserve(others->size() + 1);
  if (seals || !key.empty()) {
    Result<SecretBytes> primary = ParseKey(key.Reveal());
    if (!primary.ok()) return std::move(primary).status().At("KMS_KEY");
    keys.push_back(*std::move(primary));
  }
  for (SecretBytes& other : *others) keys.push_back(std::move(other));
  Result<Keyring> ring = Keyring::Of(std::move(suite), std::move(keys));
  if (!ring.ok()) return std::move(ring).status().At("KMS_KEYRING");
  return std::unique_ptr<KeySource>(std::make_unique<LocalKeys>(*std::move(ring)));
}

}  // namespace stateward
