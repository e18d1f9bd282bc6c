// The Kms that every backend is: the sealed format, with keys from a source.
#ifndef STATEWARD_KMS_ENVELOPE_KMS_H_
#define STATEWARD_KMS_ENVELOPE_KMS_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "kms/key_source.h"
#include "kms/suite.h"
#include "stateward/kms.h"
#include "stateward/result.h"

namespace stateward {

class EnvelopeKms : public Kms {
 public:
  // Fills a buffer with random bytes. Another one than FillRandom makes records that repeat, for
  // known answers; it is for tests alone.
  using RandomFn = std::function<void(void*, size_t)>;

  EnvelopeKms(std::string name, std::shared_ptr<const Suite> suite, std::shared_ptr<KeySource> keys,
              RandomFn random = FillRandom)
      : name_(std::move(name)),
        suite_(std::move(suite)),
        keys_(std::move(keys)),
        random_(std::move(random)) {}

  // One that seals as this does and opens what either does, with the same keys.
  std::unique_ptr<EnvelopeKms> With(const EnvelopeKms& opens) const;

  std::string_view Name() const override { return name_; }
  Result<Bytes> Seal(const SealContext& where, const SealedInfo& info, ByteView document) override;
  Result<Opened> Open(const SealContext& where, ByteView record) override;
  Result<SealedInfo> OpenInfo(const SealContext& where, ByteView prefix) override;
  Result<SecretBytes> OpenLegacy(ByteView blob) override;
  // The same, with the key that the blob opens with.
  Result<LegacyPlain> OpenLegacyWithKey(ByteView blob);
  Status Check() override { return keys_->Check(); }
  std::string Warning() override { return keys_->Warning(); }
  int64_t CredentialEndsMs() override { return keys_->CredentialEndsMs(); }
  Result<std::vector<std::string>> KeyIds() override;
  // The keys that open records, for people; the one that seals first.
  Result<std::vector<KnownKey>> Keys() { return keys_->Keys(); }

 private:
  const std::string name_;
  const std::shared_ptr<const Suite> suite_;
  const std::shared_ptr<KeySource> keys_;
  const RandomFn random_;
};

}  // namespace stateward

#endif  // STATEWARD_KMS_ENVELOPE_KMS_H_
