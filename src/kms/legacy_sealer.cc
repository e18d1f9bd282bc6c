#include "kms/legacy_sealer.h"

#include <algorithm>

#include "base/random.h"
#include "kms/legacy_document.h"

namespace stateward {

Result<LegacySealer> LegacySealer::Of(SecretBytes key) {
  if (key.size() != kKeyBytes) return Status::InvalidArgument("a key has 32 bytes");
  Result<std::shared_ptr<const Suite>> suite = Suite::Load();
  if (!suite.ok()) return std::move(suite).status();
  return LegacySealer(*std::move(suite), std::move(key));
}

Result<Bytes> LegacySealer::Seal(ByteView document) const {
  STATEWARD_RETURN_IF_ERROR(CheckLegacyDocument(document));
  Result<Gcm> gcm = suite_->Sealer(key_);
  if (!gcm.ok()) return std::move(gcm).status();
  Nonce nonce;
  FillRandom(nonce.data(), nonce.size());
  Bytes blob(kNonceBytes + document.size() + kTagBytes);
  std::copy(nonce.begin(), nonce.end(), blob.begin());
  STATEWARD_RETURN_IF_ERROR(gcm->Seal(nonce, ByteView(), document, blob.data() + kNonceBytes));
  return blob;
}

}  // namespace stateward
