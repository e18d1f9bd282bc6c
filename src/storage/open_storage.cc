#include "storage/open_storage.h"

#include <utility>

#include "storage/fs_storage.h"
#include "storage/postgres_storage.h"
#include "storage/s3_storage.h"

namespace stateward {
namespace {

using StoragePtr = std::unique_ptr<Storage>;
using Maker = Result<StoragePtr> (*)(const StorageParts&, Disk&, const Clock&);

Result<StoragePtr> MakeFs(const StorageParts& s, Disk& disk, const Clock& /*clock*/) {
  return StoragePtr(std::make_unique<FsStorage>(disk, s.settings.fs_dir));
}

Result<StoragePtr> MakePostgres(const StorageParts& s, Disk& /*disk*/, const Clock& clock) {
  return StoragePtr(std::make_unique<PostgresStorage>(
      s.postgres, clock, PostgresStorageOptions{s.postgres_table, s.postgres_with_locks}));
}

Result<StoragePtr> MakeS3(const StorageParts& s, Disk& /*disk*/, const Clock& clock) {
  Result<std::unique_ptr<S3Client>> client = NewS3Client(s.s3, clock);
  if (!client.ok()) return std::move(client).status();
  return StoragePtr(std::make_unique<S3Storage>(std::move(*client), clock, s.lock_s3_prefix));
}

constexpr struct {
  std::string_view name;
  Maker make;
} kBackends[] = {{"fs", MakeFs}, {"postgres", MakePostgres}, {"s3", MakeS3}};

}  // namespace

Result<std::unique_ptr<Storage>> OpenStorage(const StorageParts& parts, Disk& disk,
                                             const Clock& clock) {
  std::string known;
  for (const auto& backend : kBackends) {
    if (backend.name == parts.settings.backend) return backend.make(parts, disk, clock);
    known.append(" ").append(backend.name);
  }
  return Status::InvalidArgument("STORAGE_BACKEND must be one of:" + known);
}

}  // namespace stateward
