// The settings of the storage that do not belong to a service.
#ifndef STATEWARD_STORAGE_STORAGE_SETTINGS_H_
#define STATEWARD_STORAGE_STORAGE_SETTINGS_H_

#include <string>

namespace stateward {

struct StorageSettings {
  std::string backend = "fs";  // STORAGE_BACKEND
  std::string fs_dir;          // STORAGE_FS_DIR
  bool init = false;           // STORAGE_INIT
};

}  // namespace stateward

#endif  // STATEWARD_STORAGE_STORAGE_SETTINGS_H_
