#include "lock/open_locker.h"

#include "lock/local_lock.h"

namespace stateward {
namespace {

using Maker = std::unique_ptr<Locker> (*)(const LockSettings&, Disk&, const Clock&);

std::unique_ptr<Locker> MakeLocal(const LockSettings& s, Disk& disk, const Clock& clock) {
  return std::make_unique<LocalLock>(disk, clock, s.local_dir);
}

constexpr struct {
  std::string_view name;
  Maker make;
} kBackends[] = {{"local", MakeLocal}};

}  // namespace

Result<std::unique_ptr<Locker>> OpenLocker(const LockSettings& settings, Disk& disk,
                                           const Clock& clock) {
  std::string known;
  for (const auto& backend : kBackends) {
    if (backend.name == settings.backend) return backend.make(settings, disk, clock);
    known.append(" ").append(backend.name);
  }
  return Status::InvalidArgument("LOCK_BACKEND is to be one of:" + known);
}

}  // namespace stateward
