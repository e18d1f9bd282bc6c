// Makes the Storage that the settings ask for.
#ifndef STATEWARD_STORAGE_OPEN_STORAGE_H_
#define STATEWARD_STORAGE_OPEN_STORAGE_H_

#include <memory>
#include <string>

#include "client/pg_pool.h"
#include "client/s3_client.h"
#include "stateward/clock.h"
#include "stateward/disk.h"
#include "stateward/storage.h"

namespace stateward {

struct StorageSettings {
  std::string backend = "fs";         // STORAGE_BACKEND
  std::string fs_dir;                 // STORAGE_FS_DIR
  uint64_t quarantine_max_bytes = 0;  // QUARANTINE_MAX_BYTES
  std::shared_ptr<PgPool> postgres;   // null unless the backend is postgres
  std::string postgres_table;         // STORAGE_POSTGRES_TABLE, quoted
  bool postgres_with_locks = false;   // the locks lie in the same pool
  S3Settings s3;                      // STORAGE_S3_*
  std::string lock_s3_prefix;         // of the lock s3, if that is the lock; else ""
};

// kInvalidArgument: the text names the setting and says what would be right.
Result<std::unique_ptr<Storage>> OpenStorage(const StorageSettings& settings, Disk& disk,
                                             const Clock& clock);

}  // namespace stateward

#endif  // STATEWARD_STORAGE_OPEN_STORAGE_H_
