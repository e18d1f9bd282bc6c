#include "state/store_secret.h"

#include <utility>

#include "base/hex.h"
#include "base/random.h"
#include "base/sha256.h"

namespace stateward {
namespace {

constexpr size_t kSecretBytes = 32;
// The digits that tell principals of one store apart.
constexpr size_t kNameDigits = 16;
// /ready says within 2 s what is wrong, and its own look may be 1.5 s old (app/app.cc).
constexpr int64_t kLookUs = int64_t{400} * 1000;

const StateKey& KeyOfSecret() {
  static const StateKey key{"", "", "store secret"};
  return key;
}

}  // namespace

SealContext StoreSecretPlace(const std::string& store_id, uint32_t format) {
  return {store_id, StateId::Of(KeyOfSecret()), 0, format};
}

Result<Bytes> NewStoreSecret(Kms& kms, const std::string& store_id, uint32_t format) {
  SecretBytes secret(kSecretBytes);
  FillRandom(secret.data(), secret.size());
  return SealStoreSecret(kms, store_id, format, secret);
}

Result<Bytes> SealStoreSecret(Kms& kms, const std::string& store_id, uint32_t format,
                              const SecretBytes& secret) {
  SealedInfo info;
  info.key = KeyOfSecret();
  info.version.size = secret.size();
  info.version.sha256 = Sha256(secret);
  return kms.Seal(StoreSecretPlace(store_id, format), info, secret);
}

Result<SecretBytes> OpenStoreSecret(Kms& kms, const StoreIdentity& marker) {
  Result<Opened> opened =
      kms.Open(StoreSecretPlace(marker.store_id, marker.format), marker.sealed_secret);
  if (!opened.ok()) return std::move(opened).status().At("store secret");
  if (opened->document.size() != kSecretBytes) {
    return Status::Corruption("store secret: of another length");
  }
  return std::move(opened->document);
}

Result<std::string> StoreSecret::NameOf(const std::string& tenant, StoreGate& gate,
                                        IdentityFile& identity, Kms& kms) {
  Result<SecretBytes> secret = Get(gate, identity, kms);
  if (!secret.ok()) {
    const bool other_key = secret.status().code() == Code::kUnknownKey;
    return Status(other_key ? Code::kUnknownKey : Code::kUnavailable, secret.status().detail());
  }
  const Sha256Digest digest = HmacSha256(*secret, "stateward principal v1:" + tenant);
  return HexEncode(digest).substr(0, kNameDigits);
}

Result<SecretBytes> StoreSecret::Get(StoreGate& gate, IdentityFile& identity, Kms& kms) {
  Result<std::shared_ptr<const StoreIdentity>> store = gate.Store();
  if (!store.ok()) return std::move(store).status();
  {
    std::lock_guard<std::mutex> hold(mutex_);
    if (store_id_ == (*store)->store_id) return secret_;
  }
  Result<SecretBytes> opened = OpenStoreSecret(kms, **store);
  if (!opened.ok()) {
    // A rekey may have sealed it with another key since the gate read the identity file.
    Result<StoreIdentity> now = identity.ReadIdentity();
    if (!now.ok() || now->sealed_secret == (*store)->sealed_secret) return opened;
    opened = OpenStoreSecret(kms, *now);
    if (!opened.ok()) return opened;
  }
  std::lock_guard<std::mutex> hold(mutex_);
  store_id_ = (*store)->store_id;
  secret_ = *opened;
  return opened;
}

KeyCheck::KeyCheck(IdentityFile& identity, Kms& kms, const Clock& clock)
    : identity_(identity), kms_(kms), look_(clock, kLookUs, [this] { return Look(); }) {}

Status KeyCheck::Look() {
  Result<StoreIdentity> marker = identity_.ReadIdentity();
  return marker.ok() ? Open(*marker) : Status();
}

Status KeyCheck::Prove() {
  Result<StoreIdentity> marker = identity_.ReadIdentity();
  if (marker.ok()) return Open(*marker);
  return Status::Unavailable("the store's identity file cannot be read: " +
                             marker.status().detail());
}

Status KeyCheck::Open(const StoreIdentity& marker) {
  {
    std::lock_guard<std::mutex> hold(mutex_);
    if (marker.sealed_secret == opened_) return Status();
  }
  Result<SecretBytes> opened = OpenStoreSecret(kms_, marker);
  if (!opened.ok()) return std::move(opened).status();
  std::lock_guard<std::mutex> hold(mutex_);
  opened_ = marker.sealed_secret;
  return Status();
}

}  // namespace stateward
