// Proves that the store is the one it should be, guarded by the lock service that its marker names.
//
// Until that has been proved once, every request asks again, so that a store that was not there at
// start is found without a restart. Afterwards the backends themselves check on each call that
// marker and lock service are still those.
// Thread-safe.
#ifndef STATEWARD_STATE_STORE_GATE_H_
#define STATEWARD_STATE_STORE_GATE_H_

#include <memory>
#include <mutex>

#include "stateward/kms.h"
#include "stateward/locker.h"
#include "stateward/result.h"
#include "stateward/storage.h"

namespace stateward {

class StoreGate {
 public:
  StoreGate(Storage& storage, Locker& locker) : storage_(storage), locker_(locker) {}

  // The marker. kUnavailable with what to run when there is none, or another lock service guards
  // the store.
  Result<std::shared_ptr<const StoreMarker>> Store();

  // Makes marker and lock service in a place that is empty or holds nothing but the original's
  // data; OK when they are there already. With `relock` the store is given to this lock service
  // even if its marker names another. `kms` seals the new store's secret.
  // When only the key service is missing for that, Store() tries again; `kms` must outlive it.
  Status Init(bool relock, Kms& kms);

 private:
  Result<std::shared_ptr<const StoreMarker>> Prove();
  Result<StoreMarker> Find();

  Storage& storage_;
  Locker& locker_;
  std::mutex mutex_;
  std::shared_ptr<const StoreMarker> proved_;
  Kms* waits_for_ = nullptr;  // Init goes on when it seals
};

}  // namespace stateward

#endif  // STATEWARD_STATE_STORE_GATE_H_
