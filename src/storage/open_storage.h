// Makes the Storage that the settings ask for.
#ifndef STATEWARD_STORAGE_OPEN_STORAGE_H_
#define STATEWARD_STORAGE_OPEN_STORAGE_H_

#include <memory>
#include <string>

#include "postgres/pg_pool.h"
#include "s3/s3_settings.h"
#include "stateward/clock.h"
#include "stateward/disk.h"
#include "stateward/storage.h"
#include "storage/storage_settings.h"

namespace stateward {

// The settings, and what of other parts concerns the storage.
struct StorageParts {
  const StorageSettings& settings;
  const S3Settings& s3;              // STORAGE_S3_*
  std::string lock_s3_prefix;        // of the lock s3, if that is the lock; else ""
  std::shared_ptr<PgPool> postgres;  // null unless the backend is postgres
  std::string postgres_table;        // STORAGE_POSTGRES_TABLE, quoted
  bool postgres_with_locks = false;  // the locks lie in the same pool
};

// kInvalidArgument: the text names the setting and says what would be right.
Result<std::unique_ptr<Storage>> OpenStorage(const StorageParts& parts, Disk& disk,
                                             const Clock& clock);

}  // namespace stateward

#endif  // STATEWARD_STORAGE_OPEN_STORAGE_H_
