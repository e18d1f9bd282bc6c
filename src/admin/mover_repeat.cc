// A move that was begun before: what the new address shows is our copy, or is not.
#include <algorithm>
#include <string>
#include <utility>

#include "admin/exchange_record.h"
#include "admin/mover.h"
#include "admin/state_versions.h"
#include "history/forwarding.h"

namespace stateward {

// The new address shows something. It is our copy when this move was begun before, and one of the
// two has gone on from what the other one has, or neither.
Status Mover::Continue() {
  Result<bool> begun = IsBegun();
  if (!begun.ok()) return std::move(begun).status();
  const VersionInfo& theirs = to_newest_.version->info;
  const VersionInfo& ours = from_newest_.version->info;
  if (!*begun) return Exists();
  if (theirs.lineage != ours.lineage) return LeaveToOther();
  if (theirs.kind != RecordKind::kState) return Exists();
  Result<std::optional<uint64_t>> ours_there = NumberOf(to_.id, ours);
  if (!ours_there.ok()) return std::move(ours_there).status();
  Result<std::optional<uint64_t>> theirs_here =
      ours_there->has_value() ? std::optional<uint64_t>() : NumberOf(from_.id, theirs);
  if (!theirs_here.ok()) return std::move(theirs_here).status();
  if (!ours_there->has_value() && !theirs_here->has_value()) return Exists();
  both_show_it_ = true;
  Result<Reals> reals = ListReals();
  if (!reals.ok()) return std::move(reals).status();
  STATEWARD_RETURN_IF_ERROR(Claim());
  if (ours_there->has_value()) {
    shown_ = theirs;
    return Status();
  }
  for (const Real& real : *reals) {
    if (real.n <= **theirs_here) continue;
    STATEWARD_RETURN_IF_ERROR(AppendCopy(real));
  }
  return Status();
}

// Another state came there while this move was broken off: who may read that one must not read the
// copies of this one below it.
Status Mover::LeaveToOther() {
  Result<Reals> reals = ListReals();
  if (!reals.ok()) return std::move(reals).status();
  const std::string theirs = to_newest_.version->info.lineage;
  Result<Places> copies = FindPlaces(to_newest_.head, [&](uint64_t, const VersionInfo& there) {
    return there.lineage != theirs &&
           std::any_of(reals->begin(), reals->end(),
                       [&](const Real& real) { return IsOrigin(real.info, there); });
  });
  if (!copies.ok()) return std::move(copies).status();
  STATEWARD_RETURN_IF_ERROR(Blank(*copies));
  return Exists();
}

// The number that `version` has in a state; nullopt: the state has it not.
Result<std::optional<uint64_t>> Mover::NumberOf(const StateId& id,
                                                const VersionInfo& version) const {
  std::optional<uint64_t> number;
  Status walked = EachVersion(history_, id, [&](uint64_t n, const Result<SealedInfo>& info) {
    if (info.ok() && IsOrigin(info->version, version)) number = n;
    return !number;
  });
  if (!walked.ok()) return walked;
  return number;
}

// What was purged or pinned at the old address since it was copied is so at the new one: a pin
// takes no lock. Nothing is changed there any more when the address forwards.
Status Mover::CopyMarks() const {
  Reals marked;
  STATEWARD_RETURN_IF_ERROR(
      EachVersion(history_, from_.id, [&](uint64_t n, const Result<SealedInfo>& info) {
        if (!info.ok()) return true;
        const VersionInfo& version = info->version;
        if (version.kind == RecordKind::kPurged || version.pinned) marked.push_back({n, version});
        return true;
      }));
  for (const Real& real : marked) {
    std::optional<uint64_t> place;
    STATEWARD_RETURN_IF_ERROR(
        EachVersion(history_, to_.id, [&](uint64_t n, const Result<SealedInfo>& info) {
          if (info.ok() && IsOrigin(info->version, real.info)) place = n;
          return !place;
        }));
    if (!place) continue;
    Status done = ExchangeRecord(call_.service, to_.id, *place, [&](Opened* opened) {
      VersionInfo& there = opened->info.version;
      if (!IsOrigin(there, real.info) || there.kind == RecordKind::kPurged) return Status();
      if (real.info.kind == RecordKind::kPurged) {
        const int64_t imported_ms = there.imported_ms;
        there = real.info;
        there.imported_ms = imported_ms;
        opened->document.clear();
      }
      there.pinned = real.info.pinned;
      return Status();
    });
    if (!done.ok() && done.code() != Code::kNotFound) return done;
  }
  return Status();
}

}  // namespace stateward
