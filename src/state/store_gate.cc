#include "state/store_gate.h"

#include <string>

#include "base/random.h"

namespace stateward {

Result<std::shared_ptr<const StoreMarker>> StoreGate::Store() {
  {
    std::lock_guard<std::mutex> hold(mutex_);
    if (proved_) return proved_;
  }
  // Without the mutex: a service that stands still must not make requests wait for each other.
  Result<std::shared_ptr<const StoreMarker>> marker = Prove();
  if (!marker.ok()) return marker;
  std::lock_guard<std::mutex> hold(mutex_);
  if (!proved_) proved_ = *marker;
  return proved_;
}

Result<std::shared_ptr<const StoreMarker>> StoreGate::Prove() {
  Result<StoreMarker> marker = storage_.ReadMarker();
  if (!marker.ok()) {
    if (marker.status().code() != Code::kNotFound) return std::move(marker).status();
    return Status::Unavailable(
        "the store has no marker; if it is to be a new one, run "
        "`statewardctl init`; if not, see whether its disk is mounted");
  }
  Result<std::string> service = locker_.ServiceId();
  if (!service.ok() && service.status().code() != Code::kNotFound) {
    return std::move(service).status();
  }
  if (!service.ok() && marker->lock_kind == locker_.Name()) {
    return Status::Unavailable(
        "the lock service (" + marker->lock_kind +
        ") is empty: it lost its locks, or it is another one; if it is to guard the store from now "
        "on, stop every server of the old one and run `statewardctl init --locks`");
  }
  if (!service.ok() || marker->lock_kind != locker_.Name() || marker->lock_id != *service) {
    return Status::Unavailable(
        "the store's marker names another lock service (" + marker->lock_kind +
        "); if this one is to guard it from now on, stop every server of the old one and run "
        "`statewardctl init --locks`");
  }
  return std::make_shared<const StoreMarker>(std::move(*marker));
}

Status StoreGate::Init(bool relock) {
  Result<StoreMarker> found = storage_.ReadMarker();
  if (!found.ok() && found.status().code() != Code::kNotFound) return std::move(found).status();
  if (found.ok() && !relock) return Status();
  Result<std::string> service = locker_.InitService(found.ok());
  if (!service.ok()) return std::move(service).status();
  StoreMarker marker;
  if (found.ok()) marker = std::move(*found);
  if (marker.store_id.empty()) marker.store_id = RandomHex(16);
  marker.lock_kind = std::string(locker_.Name());
  marker.lock_id = *service;
  Status written = storage_.WriteMarker(marker, relock);
  // Another process that started at the same moment may have been first.
  if (written.code() == Code::kConflict && storage_.ReadMarker().ok() && !relock) return Status();
  return written;
}

}  // namespace stateward
