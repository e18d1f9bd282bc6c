// A storage that is read and never written: what a standby has (READ_ONLY, docs/standby.md).
//
// Whatever would change something is kUnavailable without asking the storage. What is not there is
// kNotFound as always: that a replica may lag is for those who answer a client.
#ifndef STATEWARD_STORAGE_READ_ONLY_STORAGE_H_
#define STATEWARD_STORAGE_READ_ONLY_STORAGE_H_

#include <memory>

#include "stateward/storage.h"

namespace stateward {

std::unique_ptr<Storage> ReadOnly(std::unique_ptr<Storage> inner);

}  // namespace stateward

#endif  // STATEWARD_STORAGE_READ_ONLY_STORAGE_H_
