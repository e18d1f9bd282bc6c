// Makes the Locker that the settings ask for.
#ifndef STATEWARD_LOCK_OPEN_LOCKER_H_
#define STATEWARD_LOCK_OPEN_LOCKER_H_

#include <memory>
#include <string>

#include "lock/lock_settings.h"
#include "postgres/pg_pool.h"
#include "s3/s3_settings.h"
#include "stateward/clock.h"
#include "stateward/disk.h"
#include "stateward/locker.h"
#include "stateward/observer.h"

namespace stateward {

// The settings, and what of other parts concerns the locks.
struct LockParts {
  const LockSettings& settings;        // local_dir and s3_prefix are not ""
  const S3Settings& s3;                // STORAGE_S3_*
  std::shared_ptr<PgPool> postgres;    // null unless the backend is postgres
  std::string postgres_table;          // LOCK_POSTGRES_TABLE, quoted
  bool postgres_with_storage = false;  // the states lie in the same pool
  Observer* observer = nullptr;        // told of waits for a connection to Redis
};

// kInvalidArgument: the text names the setting and says what would be right.
Result<std::unique_ptr<Locker>> OpenLocker(const LockParts& parts, Disk& disk, const Clock& clock);

}  // namespace stateward

#endif  // STATEWARD_LOCK_OPEN_LOCKER_H_
