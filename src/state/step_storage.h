// The storage as it is used inside a step of the locker: a part of the step's transaction where the
// two share one, itself elsewhere.
#ifndef STATEWARD_STATE_STEP_STORAGE_H_
#define STATEWARD_STATE_STEP_STORAGE_H_

#include <memory>

#include "stateward/storage.h"

namespace stateward {

class StepStorage {
 public:
  // `transaction`: of the LockView or BaseAsk; nullptr: there is none. Both must outlive it.
  StepStorage(Storage& storage, Transaction* transaction)
      : within_(transaction != nullptr ? storage.Within(*transaction) : nullptr),
        storage_(within_ != nullptr ? *within_ : storage) {}

  Storage& operator*() const { return storage_; }

 private:
  const std::unique_ptr<Storage> within_;
  Storage& storage_;
};

}  // namespace stateward

#endif  // STATEWARD_STATE_STEP_STORAGE_H_
