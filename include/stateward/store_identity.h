// The identity file: which store this is, and which lock service guards it.
//
// Thread rule and errors: stateward/storage.h.
#ifndef STATEWARD_STORE_IDENTITY_H_
#define STATEWARD_STORE_IDENTITY_H_

#include <cstdint>
#include <string>

#include "stateward/bytes.h"
#include "stateward/result.h"

namespace stateward {

// Made once by `statewardctl init` or with STORAGE_INIT=true.
struct StoreIdentity {
  std::string store_id;   // 32 hex digits, random; part of what each record is sealed with
  uint32_t format = 1;    // of all that is stored (docs/formats.md, "Formats of a store")
  std::string lock_kind;  // "local", "redis", "postgres", "s3"
  std::string lock_id;    // the lock service's own id, 32 hex digits
  Bytes sealed_secret;    // the store's secret (state/store_secret.h), as a record; never empty
};
inline bool operator==(const StoreIdentity& a, const StoreIdentity& b) {
  return a.store_id == b.store_id && a.format == b.format && a.lock_kind == b.lock_kind &&
         a.lock_id == b.lock_id && a.sealed_secret == b.sealed_secret;
}
// Whether both name one store under one lock service. The sealed secret may change at any time.
inline bool SameStore(const StoreIdentity& a, const StoreIdentity& b) {
  return a.store_id == b.store_id && a.lock_kind == b.lock_kind && a.lock_id == b.lock_id;
}

class IdentityFile {
 public:
  virtual ~IdentityFile() = default;
  // Read again. kNotFound: the place can be read and has none. kUnavailable: also when the store
  // has a format that this build does not know.
  virtual Result<StoreIdentity> ReadIdentity() = 0;
  // From now on only this store is served; another one in its place is kUnavailable as long as it
  // is there. Told once, by the one that proved that store and locks belong together.
  virtual void Expect(const StoreIdentity& /*identity*/) {}
  // The format that is written: the store's, as its identity file said when it was looked at last.
  virtual uint32_t Format() = 0;
  // Makes the file in a place that is empty or holds nothing but terraform-backend's data; or, with
  // `replaces`, exchanges the one that is there if it still is that one. kConflict: refused, with
  // the reason.
  virtual Status WriteIdentity(const StoreIdentity& identity, const StoreIdentity* replaces) = 0;
};

}  // namespace stateward

#endif  // STATEWARD_STORE_IDENTITY_H_
