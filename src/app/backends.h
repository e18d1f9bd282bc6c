// The backends that the settings name, opened.
#ifndef STATEWARD_APP_BACKENDS_H_
#define STATEWARD_APP_BACKENDS_H_

#include <memory>

#include "config/config.h"
#include "stateward/disk.h"
#include "stateward/kms.h"
#include "stateward/locker.h"
#include "stateward/observer.h"
#include "stateward/result.h"
#include "stateward/storage.h"

namespace stateward {

struct Backends {
  std::unique_ptr<Storage> storage;
  std::unique_ptr<Locker> locker;
  std::shared_ptr<Kms> kms;
};
// kInvalidArgument: the settings are wrong. An outage is no error: it shows in each request.
// `kms`: the one to use; nullptr: a new one. Storage and lock share one pool when both are in
// Postgres: then a write, with the look at its lock, is one transaction. Connects to nothing.
// `observer` is told of waits for a connection of a pool; it must outlive the backends.
Result<Backends> OpenBackends(const Config& config, Disk& disk, std::shared_ptr<Kms> kms = nullptr,
                              Observer* observer = nullptr);

}  // namespace stateward

#endif  // STATEWARD_APP_BACKENDS_H_
