#include "kms/keyring.h"

#include <algorithm>
#include <string>
#include <utility>

namespace stateward {

Result<Keyring> Keyring::Of(std::shared_ptr<const Suite> suite, std::vector<SecretBytes> keys) {
  if (keys.empty()) return Status::InvalidArgument("no key");
  if (keys.size() > kMaxKeys) {
    return Status::InvalidArgument("more than " + std::to_string(kMaxKeys) + " keys");
  }
  Keyring ring(std::move(suite));
  for (SecretBytes& key : keys) {
    if (key.size() != kKeyBytes) return Status::InvalidArgument("a key that has not 32 bytes");
    const KeyId id = ring.suite_->IdOf(key);
    if (ring.Find(id) == nullptr) ring.entries_.push_back({id, std::move(key)});
  }
  return ring;
}

const Keyring::Entry* Keyring::Find(const KeyId& id) const {
  const auto it = std::find_if(entries_.begin(), entries_.end(),
                               [&id](const Entry& entry) { return entry.id == id; });
  return it == entries_.end() ? nullptr : &*it;
}

MessageKey Keyring::NewMessageKey() const { return {primary().id, primary().key, Bytes()}; }

Result<SecretBytes> Keyring::ResolveKey(const KeyId& id, ByteView wrapped) const {
  const Entry* entry = Find(id);
  // A wrapped key is for a key service, even under an id that is known here.
  if (entry == nullptr || !wrapped.empty()) return UnknownKey(id);
  return entry->key;
}

Result<LegacyPlain> Keyring::OpenLegacy(ByteView blob) const {
  if (blob.size() < kNonceBytes + kTagBytes) {
    return Status::Corruption("legacy blob: shorter than its nonce and tag");
  }
  Nonce nonce;
  std::copy_n(blob.begin(), kNonceBytes, nonce.begin());
  const ByteView sealed = blob.Sub(kNonceBytes, blob.size() - kNonceBytes);
  SecretBytes document(sealed.size() - kTagBytes);
  for (const Entry& entry : entries_) {
    Result<Gcm> gcm = suite_->Opener(entry.key);
    if (!gcm.ok()) return gcm.status();
    const Status opened = gcm->Open(nonce, ByteView(), sealed, document.data());
    if (opened.ok()) return LegacyPlain{entry.id, std::move(document)};
    if (opened.code() != Code::kCorruption) return opened;
  }
  // Without a key's name in it nothing tells the two apart.
  return Status::UnknownKey("legacy blob: made with a key that is not in the ring, or damaged");
}

}  // namespace stateward
