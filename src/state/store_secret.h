// The store's own secret: 32 random bytes, sealed in its identity file when that is made.
//
// It names owners of basic auth's namespaces in the log, in lock records and in versions: a digest
// without a key would let a reader of those try guesses of the secret that is the whole access.
// And as the first thing that the keys sealed, it shows whether they are the store's keys.
#ifndef STATEWARD_STATE_STORE_SECRET_H_
#define STATEWARD_STATE_STORE_SECRET_H_

#include <cstdint>
#include <mutex>
#include <string>

#include "base/recent_look.h"
#include "state/store_gate.h"
#include "stateward/bytes.h"
#include "stateward/clock.h"
#include "stateward/kms.h"
#include "stateward/result.h"
#include "stateward/store_identity.h"

namespace stateward {

// A new secret, sealed for this store. As Kms::Seal.
Result<Bytes> NewStoreSecret(Kms& kms, const std::string& store_id, uint32_t format);
// The same of one that there is already.
Result<Bytes> SealStoreSecret(Kms& kms, const std::string& store_id, uint32_t format,
                              const SecretBytes& secret);
// The marker's secret. As Kms::Open; kCorruption also when it has another length.
Result<SecretBytes> OpenStoreSecret(Kms& kms, const StoreIdentity& marker);
// What it is sealed for: a place that no state can have, since a client's project is never empty.
SealContext StoreSecretPlace(const std::string& store_id, uint32_t format);

// Opened once and kept, through reloads and whatever becomes of the keys: the secret of a store
// never changes. Thread-safe.
class StoreSecret {
 public:
  // Names who has this tenant (StateKey): 16 hex digits of HMAC-SHA256.
  // kUnavailable, kUnknownKey: the secret was not opened yet, and could not be now; the latter when
  // no key here is the one that seals it.
  Result<std::string> NameOf(const std::string& tenant, StoreGate& gate, IdentityFile& identity,
                             Kms& kms);

  // The secret itself, for those that derive a key of their own from it. As the store and
  // Kms::Open.
  Result<SecretBytes> Get(StoreGate& gate, IdentityFile& identity, Kms& kms);

 private:
  std::mutex mutex_;
  std::string store_id_;  // whose secret it is; "" = none was opened yet
  SecretBytes secret_;
};

// Whether the keys are the store's: they open what its identity file seals. Thread-safe.
class KeyCheck {
 public:
  // What `identity`, `kms` and `clock` are must outlive it.
  KeyCheck(IdentityFile& identity, Kms& kms, const Clock& clock);
  // kCorruption, kUnavailable: as Kms::Open. OK too while the identity file cannot be read: that is
  // the store's trouble. One look in 0.4 seconds for all who ask; what was opened once is not
  // opened again as long as it is the same.
  Status Get() { return look_.Get(); }
  // Looks now. As Get(), but without the identity file nothing is proved: kUnavailable.
  Status Prove();

 private:
  Status Look();
  Status Open(const StoreIdentity& marker);

  IdentityFile& identity_;
  Kms& kms_;
  std::mutex mutex_;
  Bytes opened_;  // the sealed secret that these keys opened
  RecentLook<Status> look_;
};

}  // namespace stateward

#endif  // STATEWARD_STATE_STORE_SECRET_H_
