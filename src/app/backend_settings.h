// From the settings of the process to those of the backends that keep states and locks.
#ifndef STATEWARD_APP_BACKEND_SETTINGS_H_
#define STATEWARD_APP_BACKEND_SETTINGS_H_

#include "base/log.h"
#include "config/config.h"
#include "lock/open_locker.h"
#include "storage/open_storage.h"

namespace stateward {

StorageSettings StorageSettingsOf(const Config& config);
LockSettings LockSettingsOf(const Config& config);

// What stays as it was when the settings are read anew: the store, and what guards it. Keys to them
// may change. Warns when `config` has others, and takes them back.
void KeepFixedSettings(const Config& old, Config* config, const Log& log);

}  // namespace stateward

#endif  // STATEWARD_APP_BACKEND_SETTINGS_H_
