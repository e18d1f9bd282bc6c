#include "admin/admin_service.h"

#include <memory>
#include <utility>

namespace stateward {

AdminService::ListTurn AdminService::TakeTurn(const std::string& what) {
  std::lock_guard<std::mutex> hold(lists_mutex_);
  if (!lists_.insert(what).second) return ListTurn(nullptr);
  return ListTurn(std::shared_ptr<void>(this, [this, what](void*) {
    std::lock_guard<std::mutex> again(lists_mutex_);
    lists_.erase(what);
  }));
}

AdminService::ListTurn AdminService::TakeListTurn(const std::string& principal) {
  return TakeTurn("by " + principal);
}

AdminService::ListTurn AdminService::TakeTrailTurn() { return TakeTurn(""); }

Result<std::string> AdminService::StoreId() const {
  Result<std::shared_ptr<const StoreIdentity>> store = parts_.gate.Store();
  if (!store.ok()) return std::move(store).status();
  return (*store)->store_id;
}

Result<History> AdminService::OpenHistory() const {
  Result<std::string> store_id = StoreId();
  if (!store_id.ok()) return std::move(store_id).status();
  return History(parts_.storage, parts_.kms, *std::move(store_id));
}

}  // namespace stateward
