// What the settings say of Postgres, for storage and lock.
#ifndef STATEWARD_APP_OPEN_POSTGRES_H_
#define STATEWARD_APP_OPEN_POSTGRES_H_

#include "config/config.h"
#include "lock/open_locker.h"
#include "storage/open_storage.h"

namespace stateward {

// Gives both the same pool when both are to be in Postgres: then a write, with the look at its
// lock, is one transaction. Connects to nothing. kInvalidArgument: names the setting.
Status AddPostgres(const Config& config, StorageSettings* storage, LockSettings* lock);

}  // namespace stateward

#endif  // STATEWARD_APP_OPEN_POSTGRES_H_
