// Writes documents as terraform-backend did with its local key. docs/formats.md, "Blobs of
// terraform-backend".
#ifndef STATEWARD_KMS_LEGACY_SEALER_H_
#define STATEWARD_KMS_LEGACY_SEALER_H_

#include <memory>
#include <utility>

#include "kms/suite.h"
#include "stateward/bytes.h"
#include "stateward/result.h"

namespace stateward {

// Immutable and thread-safe. One key seals at most 2^32 documents: nonces are random.
class LegacySealer {
 public:
  // kInvalidArgument: not kKeyBytes.
  static Result<LegacySealer> Of(SecretBytes key);
  // kCorruption: CheckLegacyDocument refuses it, so nobody would read it again.
  Result<Bytes> Seal(ByteView document) const;

 private:
  LegacySealer(std::shared_ptr<const Suite> suite, SecretBytes key)
      : suite_(std::move(suite)), key_(std::move(key)) {}

  std::shared_ptr<const Suite> suite_;
  SecretBytes key_;
};

}  // namespace stateward

#endif  // STATEWARD_KMS_LEGACY_SEALER_H_
