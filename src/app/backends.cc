#include "app/backends.h"

#include <string>
#include <utility>

#include "kms/open_kms.h"
#include "lock/no_lock.h"
#include "lock/open_locker.h"
#include "postgres/pg_pool.h"
#include "postgres/pg_schema.h"
#include "stateward/clock.h"
#include "storage/open_storage.h"
#include "storage/read_only_storage.h"

namespace stateward {
namespace {

// What is said nowhere else follows from the settings of the storage and the process.
LockSettings LockOf(const Config& config) {
  LockSettings lock = config.lock;
  if (lock.local_dir.empty()) lock.local_dir = config.storage.fs_dir + "/locks";
  if (lock.s3_prefix.empty()) lock.s3_prefix = config.s3.prefix + "locks/";
  // One for each thread, and one for the gauges.
  lock.redis.max_connections = config.threads + 1;
  return lock;
}

// `pool` null: neither states nor locks are in Postgres.
struct Postgres {
  std::shared_ptr<PgPool> pool;
  std::string storage_table;
  std::string lock_table;
};

Result<Postgres> OpenPostgres(const Config& config, Observer* observer) {
  Postgres out;
  const PgSettings& settings = config.postgres;
  const bool for_locks = config.lock.backend == "postgres" && !config.rules.read_only;
  if (config.storage.backend != "postgres" && !for_locks) return out;
  PgOptions options = settings.pool;
  options.standby = config.rules.read_only;
  Result<std::shared_ptr<PgPool>> pool = PgPool::Make(options, SystemClock(), observer);
  if (!pool.ok()) return std::move(pool).status();
  Result<std::string> states = PgTableName("STORAGE_POSTGRES_TABLE", settings.storage_table);
  if (!states.ok()) return std::move(states).status();
  Result<std::string> locks = PgTableName("LOCK_POSTGRES_TABLE", settings.lock_table);
  if (!locks.ok()) return std::move(locks).status();
  out.pool = std::move(*pool);
  out.storage_table = std::move(*states);
  out.lock_table = std::move(*locks);
  return out;
}

}  // namespace

Result<Backends> OpenBackends(const Config& config, Disk& disk, std::shared_ptr<Kms> kms,
                              Observer* observer) {
  Result<Postgres> postgres = OpenPostgres(config, observer);
  if (!postgres.ok()) return std::move(postgres).status();
  const LockSettings lock = LockOf(config);
  S3Settings s3 = config.s3;
  s3.read_only = config.rules.read_only;
  const bool states_there = config.storage.backend == "postgres";
  const bool locks_there = lock.backend == "postgres";
  Result<std::unique_ptr<Storage>> storage =
      OpenStorage({config.storage, s3, lock.backend == "s3" ? lock.s3_prefix : std::string(),
                   postgres->pool, postgres->storage_table, locks_there},
                  disk, SystemClock());
  if (!storage.ok()) return std::move(storage).status();
  std::unique_ptr<Locker> locker;
  if (config.rules.read_only) {
    locker = std::make_unique<NoLock>(lock.backend);
    *storage = ReadOnly(*std::move(storage));
  } else {
    Result<std::unique_ptr<Locker>> opened =
        OpenLocker({lock, s3, postgres->pool, postgres->lock_table, states_there, observer}, disk,
                   SystemClock());
    if (!opened.ok()) return std::move(opened).status();
    locker = *std::move(opened);
  }
  if (kms == nullptr) {
    Result<std::unique_ptr<Kms>> opened = OpenKms(config.kms);
    if (!opened.ok()) return std::move(opened).status();
    kms = *std::move(opened);
  }
  Backends out;
  out.storage = std::move(*storage);
  out.locker = std::move(locker);
  out.kms = std::move(kms);
  return out;
}

}  // namespace stateward
