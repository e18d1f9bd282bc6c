#include "storage/open_storage.h"

#include "storage/fs_storage.h"
#include "storage/postgres_storage.h"

namespace stateward {
namespace {

using Maker = std::unique_ptr<Storage> (*)(const StorageSettings&, Disk&, const Clock&);

std::unique_ptr<Storage> MakeFs(const StorageSettings& s, Disk& disk, const Clock& clock) {
  return std::make_unique<FsStorage>(disk, clock, FsOptions{s.fs_dir, s.quarantine_max_bytes});
}

std::unique_ptr<Storage> MakePostgres(const StorageSettings& s, Disk& /*disk*/,
                                      const Clock& clock) {
  return std::make_unique<PostgresStorage>(
      s.postgres, clock,
      PostgresStorageOptions{s.postgres_table, s.quarantine_max_bytes, s.postgres_with_locks});
}

constexpr struct {
  std::string_view name;
  Maker make;
} kBackends[] = {{"fs", MakeFs}, {"postgres", MakePostgres}};

}  // namespace

Result<std::unique_ptr<Storage>> OpenStorage(const StorageSettings& settings, Disk& disk,
                                             const Clock& clock) {
  std::string known;
  for (const auto& backend : kBackends) {
    if (backend.name == settings.backend) return backend.make(settings, disk, clock);
    known.append(" ").append(backend.name);
  }
  return Status::InvalidArgument("STORAGE_BACKEND is to be one of:" + known);
}

}  // namespace stateward
