#include "admin/state_versions.h"

#include <string>
#include <utility>
#include <vector>

#include "base/state_name.h"

namespace stateward {

Status EachVersion(const History& history, const StateId& id,
                   const std::function<bool(uint64_t n, const Result<SealedInfo>&)>& each) {
  Result<std::vector<uint64_t>> versions = history.records().Versions(id);
  if (!versions.ok()) return std::move(versions).status();
  for (uint64_t n : *versions) {
    const Result<SealedInfo> info = history.Info(id, n);
    if (!info.ok() && info.status().code() == Code::kNotFound) continue;
    if (!info.ok() && info.status().code() != Code::kCorruption) return info.status();
    if (!each(n, info)) return Status();
  }
  return Status();
}

Result<uint64_t> NewestDocument(const History& history, const FoundState& state, uint64_t below) {
  uint64_t found = 0;
  Status gone;
  STATEWARD_RETURN_IF_ERROR(
      EachVersion(history, state.id, [&](uint64_t n, const Result<SealedInfo>& info) {
        if (n > below) return true;
        const std::string version = "version " + std::to_string(n) + " of " + StateText(state.key);
        if (!info.ok()) {
          gone = {Code::kConflict, version + " cannot be read (" + info.status().detail() +
                                       "): name the version that you want"};
        } else if (info->version.kind == RecordKind::kPurged) {
          gone = {Code::kConflict, version + " was purged: name the version that you want"};
        } else if (info->version.kind == RecordKind::kState) {
          found = n;
        }
        return found == 0 && gone.ok();
      }));
  if (found > 0) return found;
  STATEWARD_RETURN_IF_ERROR(gone);
  return Status::NotFound(StateText(state.key) + " has no such version that holds a document");
}

Result<Opened> OpenDocument(const History& history, const FoundState& state, uint64_t n) {
  Result<Opened> opened = history.Open(state.id, n);
  const bool absent = !opened.ok() && opened.status().code() == Code::kNotFound;
  if (!absent && (!opened.ok() || opened->info.version.kind == RecordKind::kState)) return opened;
  return Status::NotFound(StateText(state.key) + " has no version " + std::to_string(n) +
                          " that holds a document");
}

}  // namespace stateward
