#include "admin/mover.h"

#include <algorithm>
#include <string>
#include <utility>

#include "admin/exchange_record.h"
#include "admin/forwarding.h"
#include "admin/state_versions.h"
#include "base/state_name.h"
#include "history/forwarding.h"
#include "history/moved_uploads.h"
#include "state/guard.h"

namespace stateward {
Status Mover::Run(const ChangeLock& lock) {
  Status done = Move(lock);
  return done.ok() ? done : EndedByAnother(std::move(done));
}

Status Mover::Move(const ChangeLock& lock) {
  STATEWARD_RETURN_IF_ERROR(Look(from_, &from_newest_));
  STATEWARD_RETURN_IF_ERROR(Look(to_, &to_newest_));
  if (!from_newest_.version || !from_newest_.unreadable.ok() || from_newest_.real == 0 ||
      from_newest_.version->info.kind != RecordKind::kState) {
    return {Code::kConflict, StateText(from_.key) + " has no newest version that can be moved"};
  }
  if (!to_newest_.unreadable.ok()) return Exists();
  shown_ = from_newest_.version->info;
  STATEWARD_RETURN_IF_ERROR(to_newest_.version ? Continue() : Begin());
  STATEWARD_RETURN_IF_ERROR(CopyUploads(history_, from_.id, to_.key));
  STATEWARD_RETURN_IF_ERROR(CheckCopy());
  STATEWARD_RETURN_IF_ERROR(Forward(lock));
  return Finish(from_newest_.head + 1);
}

Status Mover::Exists() const {
  return {Code::kConflict, "there is a state " + StateText(to_.key) + " already"};
}

Status Mover::AnotherRun() {
  met_another_ = true;
  return Status::Unavailable(
      "something changed meanwhile, perhaps by another run of this move; run it again");
}

Status Mover::EndedByAnother(Status failed) {
  Newest now;
  if (!Look(from_, &now).ok() || !Forwards(now)) return failed;
  both_show_it_ = false;
  return Finish(now.real);
}

// What the new address has goes from the old one.
Status Mover::Finish(uint64_t forwarding) const {
  // A client that did not know of the move may have had a write refused there since.
  STATEWARD_RETURN_IF_ERROR(CopyUploads(history_, from_.id, to_.key));
  STATEWARD_RETURN_IF_ERROR(CopyMarks());
  STATEWARD_RETURN_IF_ERROR(RemoveCopiedUploads(history_, from_.id, to_.id));
  return RemoveBelow(call_.service, history_, from_.id, forwarding);
}

Status Mover::Look(const FoundState& state, Newest* newest) const {
  Result<Newest> looked =
      LoadNewest(history_, state.grant, state.id, call_.service.rules().write.legacy_read);
  if (!looked.ok()) return std::move(looked).status();
  *newest = *std::move(looked);
  return Status();
}

bool Mover::Forwards(const Newest& newest) const {
  return newest.version && newest.unreadable.ok() &&
         newest.version->info.kind == RecordKind::kMoved &&
         newest.version->info.moved_to == StateText(to_.key);
}

Result<bool> Mover::IsBegun() const {
  Result<std::optional<StateId>> claimant = call_.service.storage().LegacyClaim(MoveClaim(to_.id));
  if (!claimant.ok()) return std::move(claimant).status();
  return claimant->has_value() && **claimant == from_.id;
}

// The first state that is moved to an address keeps the right to it for good. So it is always clear
// whose copies lie there. After all checks: a claim is never taken back.
Status Mover::Claim() const {
  Result<StateId> claimant = call_.service.storage().ClaimLegacy(MoveClaim(to_.id), from_.id);
  if (!claimant.ok()) return std::move(claimant).status();
  if (!(*claimant == from_.id)) {
    return {Code::kConflict,
            "the move of another state to " + StateText(to_.key) + " was begun before"};
  }
  return call_.service.states().ClaimName(to_.grant);
}

// The oldest first. Complete: another run takes records away only when the state forwards.
Result<Mover::Reals> Mover::ListReals() {
  Reals out;
  Status damaged;
  Status walked = EachVersion(history_, from_.id, [&](uint64_t n, const Result<SealedInfo>& info) {
    if (!info.ok()) {
      damaged = Status(Code::kConflict, "version " + std::to_string(n) +
                                            " cannot be read, and would be lost; see `check`");
      return false;
    }
    if (info->version.kind != RecordKind::kNoOp) out.push_back({n, info->version});
    return true;
  });
  if (!walked.ok()) return walked;
  if (!damaged.ok()) return damaged;
  Newest now;
  STATEWARD_RETURN_IF_ERROR(Look(from_, &now));
  if (now.head != from_newest_.head) return AnotherRun();
  std::reverse(out.begin(), out.end());
  return out;
}

Status Mover::Begin() {
  Result<Reals> reals = ListReals();
  if (!reals.ok()) return std::move(reals).status();
  STATEWARD_RETURN_IF_ERROR(Claim());
  return Copy(*reals);
}

// A place at the new address, which shows nothing.
SealedInfo Mover::NoOp() const {
  SealedInfo info;
  info.key = to_.key;
  info.version.kind = RecordKind::kNoOp;
  info.version.writer = call_.caller.principal;
  info.version.operation = std::string(kOperationMove);
  info.version.time_ms = call_.service.clock().NowMs();
  info.version.audit = call_.caller.audit;
  return info;
}

// False: somebody else has the number.
Result<bool> Mover::AppendNoOp(uint64_t head) const {
  Bytes sealed;
  Result<AppendOutcome> appended = history_.Append(to_.id, head, NoOp(), {}, &sealed);
  if (!appended.ok()) return std::move(appended).status();
  return appended->appended;
}

// Places for so many records at the new address, which shows nothing meanwhile.
Status Mover::Reserve(uint64_t count) {
  while (to_newest_.head < count) {
    Result<bool> appended = AppendNoOp(to_newest_.head);
    if (!appended.ok()) return std::move(appended).status();
    if (*appended) {
      ++to_newest_.head;
      continue;
    }
    STATEWARD_RETURN_IF_ERROR(Look(to_, &to_newest_));
    if (!to_newest_.unreadable.ok()) return Exists();
    if (!to_newest_.version) continue;  // another run reserves, too
    Result<std::optional<uint64_t>> copied = NumberOf(to_.id, from_newest_.version->info);
    if (!copied.ok()) return std::move(copied).status();
    return copied->has_value() ? AnotherRun() : Exists();
  }
  return Status();
}

// The older versions come to places, the newest one on top of them all: what a client writes there
// lies above it then, and went on from it.
Status Mover::Copy(const Reals& reals) {
  const uint64_t before = to_newest_.head;
  const uint64_t older = reals.size() - 1;
  // One more stays a no-op record, so that the last of the older ones is not to be seen.
  const uint64_t places = older == 0 ? 0 : older + 1;
  STATEWARD_RETURN_IF_ERROR(Reserve(places));
  uint64_t first = to_newest_.head - places + 1;
  Result<bool> whole = HasPlaces(first, before);
  if (!whole.ok()) return std::move(whole).status();
  if (!*whole) {
    // The pruner took some, or one is damaged; a run that uses the others cannot come to its end.
    first = to_newest_.head + 1;
    STATEWARD_RETURN_IF_ERROR(Reserve(to_newest_.head + places));
  }
  // What a run before this one copied to other places, when a grant took a number away since.
  Result<Places> others = FindPlaces(before, [&](uint64_t n, const VersionInfo& there) {
    return n < first || n - first >= older || !IsOrigin(there, reals[n - first].info);
  });
  if (!others.ok()) return std::move(others).status();
  // Whoever copies to other places than this run began with another head.
  Newest now;
  STATEWARD_RETURN_IF_ERROR(Look(to_, &now));
  if (now.version || now.head != to_newest_.head) return AnotherRun();
  STATEWARD_RETURN_IF_ERROR(Blank(*others));
  for (size_t i = 0; i < older; ++i) {
    STATEWARD_RETURN_IF_ERROR(CopyOne(reals[i], first + i));
    call_.caller.Report(i + 1, reals.size());
  }
  return AppendCopy(reals.back());
}

// Whether there is a record for each number from `first` to the head, and those up to `last`, which
// this run did not make, can be read.
Result<bool> Mover::HasPlaces(uint64_t first, uint64_t last) const {
  for (uint64_t n = first; n <= last; ++n) {
    Result<SealedInfo> there = history_.Info(to_.id, n);
    if (there.ok()) continue;
    const bool gone = there.status().code() == Code::kNotFound || there.status().unreadable();
    return gone ? Result<bool>(false) : Result<bool>(std::move(there).status());
  }
  Result<std::vector<uint64_t>> numbers = history_.records().Versions(to_.id);
  if (!numbers.ok()) return std::move(numbers).status();
  const auto in_use =
      std::count_if(numbers->begin(), numbers->end(), [first](uint64_t n) { return n >= first; });
  return static_cast<uint64_t>(in_use) == to_newest_.head - first + 1;
}

// Of the records with numbers up to `last` those that are worth something and are `which`.
Result<Mover::Places> Mover::FindPlaces(
    uint64_t last, const std::function<bool(uint64_t n, const VersionInfo&)>& which) const {
  Places found;
  for (uint64_t n = 1; n <= last; ++n) {
    Result<Bytes> sealed = call_.service.storage().Get(to_.id, n);
    if (!sealed.ok() && sealed.status().code() == Code::kNotFound) continue;
    if (!sealed.ok()) return std::move(sealed).status();
    Result<SealedInfo> there = history_.OpenFront(to_.id, {n, *sealed});
    if (!there.ok() && there.status().unreadable()) continue;  // nobody reads it
    if (!there.ok()) return std::move(there).status();
    const bool blank = there->version.kind == RecordKind::kNoOp;
    if (!blank && which(n, there->version)) found[n] = Sha256(*sealed);
  }
  return found;
}

// No-op records come in their place.
Status Mover::Blank(const Places& places) {
  for (const auto& [n, seen] : places) {
    const auto blank = [this](Opened* opened) {
      opened->info = NoOp();
      opened->document.clear();
      return Status();
    };
    Status done = ExchangeRecord(call_.service, to_.id, n, blank, &seen);
    if (done.code() == Code::kConflict) return AnotherRun();
    if (!done.ok() && done.code() != Code::kNotFound) return done;
  }
  return Status();
}

Result<Opened> Mover::OpenReal(const Real& real) {
  Result<Opened> record = history_.Open(from_.id, real.n);
  // Another run that ended took it, or the pruner.
  if (!record.ok() && record.status().code() == Code::kNotFound) return AnotherRun();
  if (!record.ok()) return record;
  if (!IsCopy(record->info.version, real.info)) return AnotherRun();
  record->info.key = to_.key;
  // Young at this address, whatever its age: see kGapMs in state/pruner.h.
  record->info.version.imported_ms = call_.service.clock().NowMs();
  return record;
}

// What was purged at one of the two addresses stays so; what was pinned, too.
Status Mover::CopyOne(const Real& real, uint64_t place) {
  Result<Opened> record = OpenReal(real);
  if (!record.ok()) return std::move(record).status();
  return ExchangeRecord(call_.service, to_.id, place, [&](Opened* opened) {
    const VersionInfo& there = opened->info.version;
    const bool free = there.kind == RecordKind::kNoOp;
    if (!free && !IsOrigin(there, real.info)) return AnotherRun();
    if (there.kind == RecordKind::kPurged) return Status();
    const bool pinned = !free && there.pinned && record->info.version.kind == RecordKind::kState;
    opened->info = record->info;
    opened->info.version.pinned = opened->info.version.pinned || pinned;
    opened->document = record->document;
    return Status();
  });
}

// Shows it.
Status Mover::AppendCopy(const Real& real) {
  Result<Opened> record = OpenReal(real);
  if (!record.ok()) return std::move(record).status();
  const bool before = std::exchange(both_show_it_, true);
  Bytes sealed;
  Result<AppendOutcome> appended =
      history_.Append(to_.id, to_newest_.head, record->info, record->document, &sealed);
  if (!appended.ok()) {
    // As in Forward().
    (void)call_.service.locker().BurnNext(to_.id);
    return std::move(appended).status();
  }
  if (appended->appended) {
    to_newest_.real = ++to_newest_.head;
    return Status();
  }
  STATEWARD_RETURN_IF_ERROR(Look(to_, &to_newest_));
  const bool copied = to_newest_.version && to_newest_.unreadable.ok() &&
                      IsCopy(to_newest_.version->info, real.info);
  if (copied) return Status();  // by another run
  both_show_it_ = before;
  return AnotherRun();
}

// A lock can be forced: nothing goes from the old address unless the new one has all of it.
Status Mover::CheckCopy() {
  STATEWARD_RETURN_IF_ERROR(Look(to_, &to_newest_));
  const bool shows =
      to_newest_.version && to_newest_.unreadable.ok() && IsCopy(to_newest_.version->info, shown_);
  if (shows) return Status();
  both_show_it_ = false;
  return {Code::kConflict, "somebody wrote to " + StateText(to_.key) + " although it was locked; " +
                               StateText(from_.key) + " stays as it is"};
}

// Clients find the new address from here on.
Status Mover::Forward(const ChangeLock& lock) {
  SealedInfo info;
  info.key = from_.key;
  info.version.kind = RecordKind::kMoved;
  info.version.moved_to = StateText(to_.key);
  info.version.serial = from_newest_.version->info.serial;
  info.version.lineage = from_newest_.version->info.lineage;
  info.version.writer = call_.caller.principal;
  info.version.operation = std::string(kOperationMove);
  info.version.lock_id = lock.id();
  info.version.note = call_.args.Text("reason");
  info.version.time_ms = call_.service.clock().NowMs();
  info.version.audit = call_.caller.audit;
  Bytes sealed;
  Result<AppendOutcome> appended = history_.Append(from_.id, from_newest_.head, info, {}, &sealed);
  if (!appended.ok()) {
    // It may still arrive. The locks stay, so this is for who frees them without a repeat.
    (void)call_.service.locker().BurnNext(from_.id);
    return std::move(appended).status();
  }
  both_show_it_ = false;
  if (appended->appended) return Status();
  return {Code::kConflict, "somebody wrote to " + StateText(from_.key) +
                               " although it was locked; " + StateText(to_.key) +
                               " is a copy of what was there before"};
}

}  // namespace stateward
