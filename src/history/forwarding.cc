#include "history/forwarding.h"

#include <string_view>

#include "base/hex.h"
#include "base/sha256.h"
#include "base/state_name.h"

namespace stateward {

bool WasAdopted(const StateKey& key, const std::string& moved_to) {
  return !key.tenant.empty() && moved_to == StateText(key);
}

std::string WhereNow(const StateKey& key, const std::string& moved_to) {
  if (WasAdopted(key, moved_to)) return "was given to identified users, under the same address";
  return "has the address " + moved_to + " now";
}

std::optional<StateId> MovedTo(const SealedInfo& info) {
  const StateKey& key = info.key;
  const std::string& moved_to = info.version.moved_to;
  std::string_view project;
  std::string_view name;
  if (info.version.kind != RecordKind::kMoved || !SplitStateName(moved_to, &project, &name)) {
    return std::nullopt;
  }
  const std::string tenant = WasAdopted(key, moved_to) ? "" : key.tenant;
  return StateId::Of({tenant, std::string(project), std::string(name)});
}

std::string MoveClaim(const StateId& to) {
  return HexEncode(Sha256("stateward moving v1:" + to.hex()));
}

bool IsOrigin(const VersionInfo& a, const VersionInfo& b) {
  return a.time_ms == b.time_ms && a.serial == b.serial && a.lineage == b.lineage;
}

bool IsCopy(const VersionInfo& a, const VersionInfo& b) {
  return a.kind == b.kind && a.sha256 == b.sha256 && a.serial == b.serial &&
         a.lineage == b.lineage && a.time_ms == b.time_ms;
}

}  // namespace stateward
