#include "admin/forwarding.h"

#include <utility>
#include <vector>

#include "admin/exchange_record.h"
#include "state/late_writes.h"
#include "state/pruner.h"

namespace stateward {
namespace {

// Nothing but the way to the new address is left of record n: also for a reader that has just found
// it to be the newest.
Status Forward(const AdminService& service, const StateId& id, uint64_t n, const SealedInfo& way) {
  Status done = ExchangeRecord(service, id, n, [&way](Opened* opened) {
    const int64_t taken_ms = TakenAt(opened->info.version);
    opened->info = way;
    opened->info.version.time_ms = taken_ms;
    opened->document.clear();
    return Status();
  });
  return done.code() == Code::kNotFound || done.unreadable() ? Status() : done;
}

}  // namespace

// The oldest first: with a gap below it an older one could be taken for the newest.
Status RemoveBelow(const AdminService& service, const History& history, const StateId& id,
                   uint64_t forwarding, const std::function<bool(const VersionInfo&)>& goes) {
  Result<std::vector<uint64_t>> numbers = history.records().Versions(id);
  if (!numbers.ok()) return std::move(numbers).status();
  const bool late = WritesMayOutliveLocks(service.storage(), service.locker());
  Result<SealedInfo> way = late ? history.Info(id, forwarding) : SealedInfo();
  if (!way.ok()) return std::move(way).status();
  const int64_t oldest_kept = service.clock().NowMs() - kGapMs;
  bool stays = false;
  for (auto n = numbers->rbegin(); n != numbers->rend() && *n < forwarding; ++n) {
    if (!late && goes == nullptr) {
      STATEWARD_RETURN_IF_ERROR(history.records().Prune(id, *n));
      continue;
    }
    Result<SealedInfo> info = history.Info(id, *n);
    if (!info.ok() && info.status().code() == Code::kNotFound) continue;
    if (!info.ok() && !info.status().unreadable()) return std::move(info).status();
    if (goes != nullptr && (!info.ok() || !goes(info->version))) continue;
    stays = late && (stays || !info.ok() || TakenAt(info->version) > oldest_kept);
    if (!stays) {
      STATEWARD_RETURN_IF_ERROR(history.records().Prune(id, *n));
    } else if (info.ok() && info->version.kind == RecordKind::kState) {
      STATEWARD_RETURN_IF_ERROR(Forward(service, id, *n, *way));
    }
  }
  return Status();
}

}  // namespace stateward
