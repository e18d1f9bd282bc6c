// Makes the Storage that the settings ask for.
#ifndef STATEWARD_STORAGE_OPEN_STORAGE_H_
#define STATEWARD_STORAGE_OPEN_STORAGE_H_

#include <memory>
#include <string>

#include "stateward/clock.h"
#include "stateward/disk.h"
#include "stateward/storage.h"

namespace stateward {

struct StorageSettings {
  std::string backend = "fs";         // STORAGE_BACKEND
  std::string fs_dir;                 // STORAGE_FS_DIR
  uint64_t quarantine_max_bytes = 0;  // QUARANTINE_MAX_BYTES
};

// kInvalidArgument: the text names the setting and says what would be right.
Result<std::unique_ptr<Storage>> OpenStorage(const StorageSettings& settings, Disk& disk,
                                             const Clock& clock);

}  // namespace stateward

#endif  // STATEWARD_STORAGE_OPEN_STORAGE_H_
