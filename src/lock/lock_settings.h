// The settings of the locks, and Redis', which keeps nothing else.
#ifndef STATEWARD_LOCK_LOCK_SETTINGS_H_
#define STATEWARD_LOCK_LOCK_SETTINGS_H_

#include <string>

#include "redis/redis_settings.h"

namespace stateward {

struct LockSettings {
  std::string backend = "local";  // LOCK_BACKEND
  std::string local_dir;          // LOCK_LOCAL_DIR; "" = a folder of the fs storage
  RedisOptions redis;             // REDIS_*
  std::string redis_prefix;       // REDIS_PREFIX
  std::string s3_prefix;          // LOCK_S3_PREFIX; "" = below STORAGE_S3_PREFIX
};

}  // namespace stateward

#endif  // STATEWARD_LOCK_LOCK_SETTINGS_H_
