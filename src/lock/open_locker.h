// Makes the Locker that the settings ask for.
#ifndef STATEWARD_LOCK_OPEN_LOCKER_H_
#define STATEWARD_LOCK_OPEN_LOCKER_H_

#include <memory>
#include <string>

#include "client/pg_pool.h"
#include "client/redis_client.h"
#include "client/s3_client.h"
#include "stateward/clock.h"
#include "stateward/disk.h"
#include "stateward/locker.h"

namespace stateward {

struct LockSettings {
  std::string backend = "local";       // LOCK_BACKEND
  std::string local_dir;               // LOCK_LOCAL_DIR
  std::shared_ptr<PgPool> postgres;    // null unless the backend is postgres
  std::string postgres_table;          // LOCK_POSTGRES_TABLE, quoted
  bool postgres_with_storage = false;  // the states lie in the same pool
  RedisOptions redis;                  // REDIS_*
  std::string redis_prefix;            // REDIS_PREFIX
  S3Settings s3;                       // STORAGE_S3_*
  std::string s3_prefix;               // LOCK_S3_PREFIX
};

// kInvalidArgument: the text names the setting and says what would be right.
Result<std::unique_ptr<Locker>> OpenLocker(const LockSettings& settings, Disk& disk,
                                           const Clock& clock);

}  // namespace stateward

#endif  // STATEWARD_LOCK_OPEN_LOCKER_H_
