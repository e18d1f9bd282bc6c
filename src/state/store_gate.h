// Proves that the store is the one it should be, guarded by the lock service that its identity file
// names.
//
// Until that has been proved once, every request asks again, so that a store that was not there at
// start is found without a restart. Afterwards the backends themselves check on each call that
// identity file and lock service are still those.
// Thread-safe.
#ifndef STATEWARD_STATE_STORE_GATE_H_
#define STATEWARD_STATE_STORE_GATE_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "stateward/kms.h"
#include "stateward/locker.h"
#include "stateward/result.h"
#include "stateward/store_identity.h"

namespace stateward {

// What to say of a store's format: that this build knows a newer one; "" = nothing.
std::string FormatWarning(uint32_t format);

class StoreGate {
 public:
  // `read_only`: the store is only read, so no lock service has to guard it.
  StoreGate(IdentityFile& identity, Locker& locker, bool read_only = false)
      : identity_(identity), locker_(locker), read_only_(read_only) {}

  // The identity file. kUnavailable with what to run when there is none, or another lock service
  // guards the store.
  Result<std::shared_ptr<const StoreIdentity>> Store();

  // Makes identity file and lock service in a place that is empty or holds nothing but the
  // original's data; OK when they are there already. With `relock` the store is given to this lock
  // service even if its identity file names another. `kms` seals the new store's secret. When only
  // the key service is missing for that, Store() tries again; `kms` must outlive it.
  Status Init(bool relock, Kms& kms);

 private:
  Result<std::shared_ptr<const StoreIdentity>> Prove();
  Result<StoreIdentity> Find();

  IdentityFile& identity_;
  Locker& locker_;
  const bool read_only_;
  std::mutex mutex_;
  std::shared_ptr<const StoreIdentity> proved_;
  Kms* waits_for_ = nullptr;  // Init goes on when it seals
};

}  // namespace stateward

#endif  // STATEWARD_STATE_STORE_GATE_H_
