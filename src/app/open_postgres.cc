#include "app/open_postgres.h"

#include <memory>
#include <utility>

#include "client/pg_schema.h"
#include "stateward/clock.h"

namespace stateward {

Status AddPostgres(const Config& config, StorageSettings* storage, LockSettings* lock) {
  bool states = config.storage_backend == "postgres";
  bool locks = config.lock_backend == "postgres";
  if (!states && !locks) return Status();
  Result<std::shared_ptr<PgPool>> pool =
      PgPool::Make({config.postgres_connection, config.postgres_pool_size}, SystemClock());
  if (!pool.ok()) return std::move(pool).status();
  Result<std::string> state_table =
      PgTableName("STORAGE_POSTGRES_TABLE", config.storage_postgres_table);
  if (!state_table.ok()) return std::move(state_table).status();
  Result<std::string> lock_table = PgTableName("LOCK_POSTGRES_TABLE", config.lock_postgres_table);
  if (!lock_table.ok()) return std::move(lock_table).status();
  if (states) storage->postgres = *pool;
  storage->postgres_table = std::move(*state_table);
  storage->postgres_with_locks = locks;
  if (locks) lock->postgres = *pool;
  lock->postgres_table = std::move(*lock_table);
  lock->postgres_with_storage = states;
  return Status();
}

}  // namespace stateward
