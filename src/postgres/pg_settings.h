// The settings of Postgres, for storage and lock.
#ifndef STATEWARD_POSTGRES_PG_SETTINGS_H_
#define STATEWARD_POSTGRES_PG_SETTINGS_H_

#include <cstdint>
#include <string>

#include "stateward/secret.h"

namespace stateward {

struct PgOptions {
  SecretString connection;  // POSTGRES_CONNECTION
  uint32_t pool_size = 8;   // POSTGRES_POOL_SIZE
  bool standby = false;     // READ_ONLY: a server in recovery is believed, too
};

struct PgSettings {
  PgOptions pool;
  // The original's tables.
  std::string storage_table = "states";  // STORAGE_POSTGRES_TABLE
  std::string lock_table = "locks";      // LOCK_POSTGRES_TABLE
};

}  // namespace stateward

#endif  // STATEWARD_POSTGRES_PG_SETTINGS_H_
