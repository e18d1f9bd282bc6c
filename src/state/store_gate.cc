#include "state/store_gate.h"

#include <string>

#include "base/random.h"
#include "base/store_format.h"
#include "state/store_secret.h"
#include "stateward/how_to_open.h"

namespace stateward {

std::string FormatWarning(uint32_t format) {
  if (format >= NewestStoreFormat()) return "";
  return "the store has format " + std::to_string(format) + ", this build knows " +
         std::to_string(NewestStoreFormat()) +
         ": `statewardctl upgrade` raises it when all servers know it";
}

Result<std::shared_ptr<const StoreIdentity>> StoreGate::Store() {
  {
    std::lock_guard<std::mutex> hold(mutex_);
    if (proved_) return proved_;
  }
  // Without the mutex: a service that stands still must not make requests wait for each other.
  Result<std::shared_ptr<const StoreIdentity>> marker = Prove();
  if (!marker.ok()) return marker;
  std::lock_guard<std::mutex> hold(mutex_);
  if (!proved_) {
    proved_ = *marker;
    identity_.Expect(*proved_);
    locker_.Expect(proved_->lock_id);
  }
  return proved_;
}

Result<std::shared_ptr<const StoreIdentity>> StoreGate::Prove() {
  Result<StoreIdentity> marker = Find();
  if (!marker.ok()) {
    if (marker.status().code() != Code::kNotFound) return std::move(marker).status();
    return Status::Unavailable(
        "the store has no identity file; if it is a new store, run `statewardctl init`; if not, "
        "see whether its disk is mounted");
  }
  if (IsClosed(*marker)) {
    return Status::Unavailable(ClosedText(*marker));
  }
  if (read_only_) return std::make_shared<const StoreIdentity>(std::move(*marker));
  Result<std::string> service = locker_.ServiceId();
  if (!service.ok() && service.status().code() != Code::kNotFound) {
    return std::move(service).status();
  }
  if (!service.ok() && marker->lock_kind == locker_.Name()) {
    return Status::Unavailable(
        "the lock service (" + marker->lock_kind +
        ") is empty: it lost its locks, or it is another one; if it must guard the store from now "
        "on, stop every server of the old one and run `statewardctl init --locks`");
  }
  if (!service.ok() || marker->lock_kind != locker_.Name() || marker->lock_id != *service) {
    return Status::Unavailable(
        "the store's identity file names another lock service (" + marker->lock_kind +
        "); if this one must guard it from now on, stop every server of the old one and run "
        "`statewardctl init --locks`");
  }
  return std::make_shared<const StoreIdentity>(std::move(*marker));
}

// The marker; made now if Init waits for that.
Result<StoreIdentity> StoreGate::Find() {
  Result<StoreIdentity> marker = identity_.ReadIdentity();
  if (marker.ok() || marker.status().code() != Code::kNotFound) return marker;
  Kms* kms = nullptr;
  {
    std::lock_guard<std::mutex> hold(mutex_);
    kms = waits_for_;
  }
  if (kms == nullptr) return marker;
  const Status made = Init(false, *kms);
  if (!made.ok()) return Status::Unavailable("the store is not made yet: " + made.detail());
  return identity_.ReadIdentity();
}

Status StoreGate::Init(bool relock, Kms& kms) {
  Result<StoreIdentity> found = identity_.ReadIdentity();
  if (!found.ok() && found.status().code() != Code::kNotFound) return std::move(found).status();
  if (found.ok() && !relock) return Status();
  // A restored one is opened so; of a copy, what makes it ends it.
  if (found.ok() && IsClosed(*found) &&
      WhyClosed(*found).compare(0, kWhyRestored.size(), kWhyRestored) != 0) {
    return {Code::kConflict, ClosedText(*found)};
  }
  StoreIdentity marker;
  if (found.ok()) {
    marker = *found;
  } else {
    // First, so that nothing is half made when the keys cannot be had.
    marker.store_id = RandomHex(16);
    marker.format = NewestStoreFormat();
    Result<Bytes> secret = NewStoreSecret(kms, marker.store_id, marker.format);
    {
      std::lock_guard<std::mutex> hold(mutex_);
      waits_for_ = secret.ok() ? nullptr : &kms;
    }
    if (!secret.ok()) return std::move(secret).status();
    marker.sealed_secret = *std::move(secret);
  }
  Result<std::string> service = locker_.InitService(found.ok());
  if (!service.ok()) return std::move(service).status();
  marker.lock_kind = std::string(locker_.Name());
  marker.lock_id = *service;
  Status written = identity_.WriteIdentity(marker, found.ok() ? &*found : nullptr);
  // Another process that started at the same moment may have been first.
  if (written.code() == Code::kConflict && identity_.ReadIdentity().ok() && !relock)
    return Status();
  return written;
}

}  // namespace stateward
