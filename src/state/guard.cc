#include "state/guard.h"

namespace stateward {

bool MayReplaceHistory(std::string_view operation) {
  return operation == "state-push" || operation == "migration destination state";
}

GuardDecision DecideWrite(const GuardInput& in) {
  if (!in.newest) return {GuardVerdict::kAppend, ""};
  const VersionInfo& newest = in.newest->info;
  bool same_lineage = newest.lineage == in.lineage;
  bool larger_serial = in.serial > newest.serial;
  if (newest.kind == RecordKind::kTombstone) {
    if (!same_lineage || larger_serial) return {GuardVerdict::kAppend, ""};
    return {GuardVerdict::kRefuse, "the state was deleted at this serial or a later one"};
  }
  if (newest.sha256 == in.sha256) {
    return {in.newest->legacy ? GuardVerdict::kAppend : GuardVerdict::kSame, ""};
  }
  if (!in.strict || MayReplaceHistory(in.operation)) return {GuardVerdict::kAppend, ""};
  if (!same_lineage) return {GuardVerdict::kRefuse, "another lineage is stored"};
  if (!larger_serial) return {GuardVerdict::kRefuse, "this serial or a later one is stored"};
  return {GuardVerdict::kAppend, ""};
}

}  // namespace stateward
