// Several sources: one seals, all open. So a store can move from one kind of key to another while
// it is in use.
#ifndef STATEWARD_KMS_COMBINED_KEYS_H_
#define STATEWARD_KMS_COMBINED_KEYS_H_

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "kms/key_source.h"
#include "stateward/result.h"

namespace stateward {

class CombinedKeys : public KeySource {
 public:
  // They are asked in this order. REQUIRES: seals < sources.size()
  CombinedKeys(std::vector<std::shared_ptr<KeySource>> sources, size_t seals)
      : sources_(std::move(sources)), seals_(seals) {}

  Result<MessageKey> NewMessageKey(const SealContext& where) override {
    return sources_[seals_]->NewMessageKey(where);
  }
  // kCorruption only when every source said that it has no such key.
  Result<SecretBytes> ResolveKey(const KeyId& id, ByteView wrapped,
                                 const SealContext& where) override;
  Result<LegacyPlain> OpenLegacy(ByteView blob) override;
  Result<std::vector<KnownKey>> Keys() override;
  // Of the source that seals. What only opens is a matter of Warning: most requests go on.
  Status Check() override { return sources_[seals_]->Check(); }
  std::string Warning() override;
  int64_t CredentialEndsMs() override { return sources_[seals_]->CredentialEndsMs(); }

 private:
  const std::vector<std::shared_ptr<KeySource>> sources_;
  const size_t seals_;
};

}  // namespace stateward

#endif  // STATEWARD_KMS_COMBINED_KEYS_H_
