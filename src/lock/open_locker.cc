#include "lock/open_locker.h"

#include <utility>

#include "lock/local_lock.h"
#include "lock/postgres_lock.h"
#include "lock/redis_lock.h"
#include "lock/s3_lock.h"

namespace stateward {
namespace {

using Maker = Result<std::unique_ptr<Locker>> (*)(const LockParts&, Disk&, const Clock&);

using LockerPtr = std::unique_ptr<Locker>;

Result<LockerPtr> MakeLocal(const LockParts& s, Disk& disk, const Clock& clock) {
  return LockerPtr(std::make_unique<LocalLock>(disk, clock, s.settings.local_dir));
}

Result<LockerPtr> MakeRedis(const LockParts& s, Disk& /*disk*/, const Clock& clock) {
  Result<std::unique_ptr<RedisClient>> client =
      RedisClient::New(s.settings.redis, clock, s.observer);
  if (!client.ok()) return std::move(client).status();
  return LockerPtr(std::make_unique<RedisLock>(std::move(*client), s.settings.redis_prefix));
}

Result<LockerPtr> MakePostgres(const LockParts& s, Disk& /*disk*/, const Clock& clock) {
  return LockerPtr(std::make_unique<PostgresLock>(
      s.postgres, clock, PostgresLockOptions{s.postgres_table, s.postgres_with_storage}));
}

Result<LockerPtr> MakeS3(const LockParts& s, Disk& /*disk*/, const Clock& clock) {
  if (s.settings.s3_prefix.empty() || s.settings.s3_prefix.front() == '/' ||
      s.settings.s3_prefix.back() != '/') {
    return Status::InvalidArgument("LOCK_S3_PREFIX is to end with '/', and not to begin with it");
  }
  Result<std::unique_ptr<S3Client>> client = NewS3Client(s.s3, clock);
  if (!client.ok()) return std::move(client).status();
  return LockerPtr(std::make_unique<S3Lock>(std::move(*client), clock, s.settings.s3_prefix));
}

constexpr struct {
  std::string_view name;
  Maker make;
} kBackends[] = {
    {"local", MakeLocal}, {"postgres", MakePostgres}, {"redis", MakeRedis}, {"s3", MakeS3}};

}  // namespace

Result<std::unique_ptr<Locker>> OpenLocker(const LockParts& parts, Disk& disk, const Clock& clock) {
  std::string known;
  for (const auto& backend : kBackends) {
    if (backend.name == parts.settings.backend) return backend.make(parts, disk, clock);
    known.append(" ").append(backend.name);
  }
  return Status::InvalidArgument("LOCK_BACKEND must be one of:" + known);
}

}  // namespace stateward
