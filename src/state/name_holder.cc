#include "state/name_holder.h"

#include <utility>

#include "state/newest.h"

namespace stateward {

Result<bool> HoldsName(TenantIndex& index, Storage& storage, Kms& kms, const std::string& store_id,
                       const StateId& tenants) {
  Result<Newest> newest = LoadNewest(History(storage, kms, store_id), Grant(), tenants, false);
  if (!newest.ok()) return std::move(newest).status();
  if (!newest->unreadable.ok()) return true;
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
