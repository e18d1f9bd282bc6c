#include "state/name_holder.h"

#include <utility>

#include "history/forwarding.h"
#include "state/never_absent.h"
#include "state/newest.h"

namespace stateward {

namespace {

// Clients that were not told of a new address still ask at the old one.
Result<bool> HasAnotherAddress(const History& history, const StateId& tenants, uint64_t n) {
  Result<SealedInfo> info = history.Info(tenants, n);
  if (!info.ok()) return NeverAbsent(std::move(info).status());
  return !WasAdopted(info->key, info->version.moved_to);
}

}  // namespace

Result<bool> HoldsName(TenantIndex& index, Storage& storage, Kms& kms, const std::string& store_id,
                       const StateId& tenants) {
  const History history(storage, kms, store_id);
  Result<Newest> newest = LoadNewest(history, Grant(), tenants, false);
  if (!newest.ok()) return std::move(newest).status();
  if (!newest->unreadable.ok()) return true;
  if (newest->version && newest->version->info.kind == RecordKind::kMoved) {
    return HasAnotherAddress(history, tenants, newest->real);
  }
  if (newest->version) return newest->version->info.kind == RecordKind::kState;
  return index.WasOpened(tenants);
}

Result<std::optional<StateId>> HolderOfName(TenantIndex& index, Storage& storage, Kms& kms,
                                            const std::string& store_id, const StateKey& key) {
  std::optional<StateId> holder;
  Status looked = index.EachOfName(key, [&](const StateId& tenants) -> Result<bool> {
    Result<bool> holds = HoldsName(index, storage, kms, store_id, tenants);
    if (!holds.ok()) return holds;
    if (*holds) holder = tenants;
    return !*holds;
  });
  if (!looked.ok()) return looked;
  return holder;
}

}  // namespace stateward
