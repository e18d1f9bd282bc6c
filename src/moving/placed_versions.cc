#include "moving/placed_versions.h"

#include <utility>

#include "base/sha256.h"

namespace stateward {
namespace {

Status Taken(const Result<AppendOutcome>& appended) {
  if (!appended.ok()) return appended.status();
  if (appended->appended) return Status();
  return {Code::kConflict, "somebody else wrote it meanwhile; run the command again"};
}

}  // namespace

PlacedVersions::PlacedVersions(const History& history, StateKey to, Placer placer,
                               const Clock& clock)
    : history_(history),
      to_(std::move(to)),
      id_(StateId::Of(to_)),
      placer_(std::move(placer)),
      clock_(clock) {}

Result<PlacedVersions::Top> PlacedVersions::LoadTop() const {
  Top top;
  Status unreadable;
  const auto take = [&](const VersionEntry& entry) {
    if (top.head == 0) top.head = entry.n;
    unreadable = entry.status;
    if (!unreadable.ok()) return false;
    const VersionInfo& info = entry.info.version;
    if (info.kind != RecordKind::kNoOp) {
      top.real = Version{entry.n, info};
      return false;
    }
    const bool ours = info.operation == placer_.operation && top.head - entry.n == top.places;
    if (ours) ++top.places;
    return true;
  };
  STATEWARD_RETURN_IF_ERROR(history_.Each(id_, take));
  if (!unreadable.ok()) return unreadable;
  return top;
}

Result<uint64_t> PlacedVersions::Place(const Top& top, size_t count, const OpenFn& open) const {
  SealedInfo place;
  place.key = to_;
  place.version.kind = RecordKind::kNoOp;
  place.version.writer = placer_.writer;
  place.version.operation = placer_.operation;
  place.version.time_ms = clock_.NowMs();
  place.version.newest_real = top.real ? top.real->n : 0;
  uint64_t head = top.head;
  Bytes sealed;
  for (uint64_t places = top.places; places + 1 < count; ++places, ++head) {
    STATEWARD_RETURN_IF_ERROR(Taken(history_.Append(id_, head, place, {}, &sealed)));
  }
  Result<Opened> newest = open(0);
  if (!newest.ok()) return std::move(newest).status();
  newest->info.key = to_;
  STATEWARD_RETURN_IF_ERROR(
      Taken(history_.Append(id_, head, newest->info, newest->document, &sealed)));
  return head + 1;
}

Status PlacedVersions::FillIn(uint64_t newest, size_t count, const OpenFn& open) const {
  for (size_t which = 1; which < count && which < newest; ++which) {
    const uint64_t n = newest - which;
    Result<Bytes> bytes = history_.records().Get(id_, n);
    if (!bytes.ok() && bytes.status().code() == Code::kNotFound) continue;  // pruned meanwhile
    if (!bytes.ok()) return std::move(bytes).status();
    Result<SealedInfo> info = history_.OpenFront(id_, {n, *bytes});
    if (!info.ok()) return std::move(info).status();
    const VersionInfo& there = info->version;
    const bool place = there.kind == RecordKind::kNoOp && there.operation == placer_.operation;
    if (!place) continue;  // an earlier run was here
    Result<Opened> version = open(which);
    if (!version.ok() && version.status().code() == Code::kNotFound) continue;
    if (!version.ok() && version.status().unreadable()) continue;  // it stays where it is
    if (!version.ok()) return std::move(version).status();
    version->info.key = to_;
    STATEWARD_RETURN_IF_ERROR(
        history_.Replace(id_, n, Sha256(*bytes), version->info, version->document));
  }
  return Status();
}

}  // namespace stateward
