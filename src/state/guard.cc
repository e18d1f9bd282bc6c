#include "state/guard.h"

#include <algorithm>
#include <iterator>

namespace stateward {

bool MayReplaceHistory(std::string_view operation) {
  static constexpr std::string_view kReplace[] = {
      "state-push", "migration destination state",
      // Of statewardctl and /api/v1, which made sure of it under the lock.
      kOperationRollbackLineage, kOperationUndelete, kOperationRestore};
  return std::find(std::begin(kReplace), std::end(kReplace), operation) != std::end(kReplace);
}

GuardDecision DecideWrite(const GuardInput& in) {
  if (!in.newest) return {GuardVerdict::kAppend};
  const VersionInfo& newest = in.newest->info;
  bool may_replace = !in.strict || MayReplaceHistory(in.operation);
  bool same_lineage = newest.lineage == in.lineage;
  bool larger_serial = in.serial > newest.serial;
  if (newest.kind == RecordKind::kTombstone) {
    if (may_replace || !same_lineage || larger_serial) return {GuardVerdict::kAppend};
    return {GuardVerdict::kRefuse, Refusal::kDeleted};
  }
  if (newest.sha256 == in.sha256) {
    return {in.newest->legacy ? GuardVerdict::kAppend : GuardVerdict::kSame};
  }
  // Under one lock serials only rise. A smaller one is a write that was on its way for long, after
  // its client had sent it again and gone on.
  const bool same_lock =
      !in.lock_id.empty() && newest.lock_id == in.lock_id && newest.lock_base == in.lock_base;
  if (same_lock && same_lineage && in.serial < newest.serial) {
    return {GuardVerdict::kRefuse, Refusal::kSerialNotLarger};
  }
  if (may_replace) return {GuardVerdict::kAppend};
  if (!same_lineage) return {GuardVerdict::kRefuse, Refusal::kOtherLineage};
  if (!larger_serial) return {GuardVerdict::kRefuse, Refusal::kSerialNotLarger};
  return {GuardVerdict::kAppend};
}

}  // namespace stateward
