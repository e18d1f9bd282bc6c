// A state gets another address, and takes its history along.
//
// Records are sealed for their state, so they are sealed again. Until the last of them is there the
// new address has only no-op records on top, which read as "never there": one exchange shows all
// of it. Both addresses are locked meanwhile. The steps can be repeated after each of them, also
// when the locks of a killed run were freed and a client went on at one of the two addresses. What
// the old address has besides its forwarding record goes at the end.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "admin/exchange_record.h"
#include "admin/forwarding.h"
#include "admin/locked_change.h"
#include "admin/run.h"
#include "admin/state_versions.h"
#include "base/state_name.h"
#include "history/forwarding.h"
#include "history/moved_uploads.h"
#include "state/guard.h"

namespace stateward {
namespace {

Status Exists(const StateKey& key) {
  return {Code::kConflict, "there is a state " + StateText(key) + " already"};
}

// The end of a move: what the new address has goes from the old one. `forwarding`: the number of
// its forwarding record.
Status EmptyOldAddress(const AdminService& service, const History& history, const StateId& from,
                       const StateId& to, uint64_t forwarding) {
  STATEWARD_RETURN_IF_ERROR(RemoveCopiedUploads(history, from, to));
  return RemoveBelow(service, history, from, forwarding);
}

// The first state that is moved to an address keeps the right to it for good. So it is always clear
// whose copies lie there.
Status ClaimTarget(const AdminService& service, const FoundState& from, const FoundState& to) {
  Result<StateId> claimant = service.storage().ClaimLegacy(MoveClaim(to.id), from.id);
  if (!claimant.ok()) return std::move(claimant).status();
  if (!(*claimant == from.id)) {
    return {Code::kConflict,
            "the move of another state to " + StateText(to.key) + " was begun before"};
  }
  return service.states().ClaimName(to.grant);
}

class Mover {
 public:
  Mover(const Call& call, const History& history, const FoundState& from, const FoundState& to)
      : call_(call), history_(history), from_(from), to_(to) {}

  // REQUIRES: both are locked.
  Status Run(const ChangeLock& lock) {
    STATEWARD_RETURN_IF_ERROR(Look(from_, &from_newest_));
    STATEWARD_RETURN_IF_ERROR(Look(to_, &to_newest_));
    if (!from_newest_.version || !from_newest_.unreadable.ok() || from_newest_.real == 0 ||
        from_newest_.version->info.kind != RecordKind::kState) {
      return {Code::kConflict, StateText(from_.key) + " has no newest version that can be moved"};
    }
    if (!to_newest_.unreadable.ok()) return Exists(to_.key);
    both_show_it_ = to_newest_.version.has_value();
    STATEWARD_RETURN_IF_ERROR(both_show_it_ ? Continue() : Begin());
    STATEWARD_RETURN_IF_ERROR(CopyUploads(history_, from_.id, to_.key));
    STATEWARD_RETURN_IF_ERROR(CheckCopy());
    STATEWARD_RETURN_IF_ERROR(Forward(lock));
    return EmptyOldAddress(call_.service, history_, from_.id, to_.id, from_newest_.head + 1);
  }

  // After an error: they show it, or may. A client that wrote to one of them would part them.
  bool both_show_it() const { return both_show_it_; }

 private:
  Status Look(const FoundState& state, Newest* newest) const {
    Result<Newest> looked =
        LoadNewest(history_, state.grant, state.id, call_.service.rules().write.legacy_read);
    if (!looked.ok()) return std::move(looked).status();
    *newest = *std::move(looked);
    return Status();
  }

  Status Begin() {
    Result<std::vector<uint64_t>> numbers = RealOnes();
    if (!numbers.ok()) return std::move(numbers).status();
    // After all checks: a claim is never taken back.
    STATEWARD_RETURN_IF_ERROR(ClaimTarget(call_.service, from_, to_));
    return Copy(*numbers);
  }

  // The new address shows something. It is our copy when one of the two has gone on from what the
  // other one has, or neither.
  Status Continue() {
    Result<std::optional<uint64_t>> copied =
        NumberOf(to_.id, to_newest_, from_newest_.version->info);
    if (!copied.ok()) return std::move(copied).status();
    if (copied->has_value()) return ClaimTarget(call_.service, from_, to_);
    copied = NumberOf(from_.id, from_newest_, to_newest_.version->info);
    if (!copied.ok()) return std::move(copied).status();
    if (!copied->has_value()) {
      both_show_it_ = false;
      return Exists(to_.key);
    }
    Result<std::vector<uint64_t>> numbers = RealOnes();
    if (!numbers.ok()) return std::move(numbers).status();
    STATEWARD_RETURN_IF_ERROR(ClaimTarget(call_.service, from_, to_));
    for (uint64_t n : *numbers) {
      if (n > **copied) STATEWARD_RETURN_IF_ERROR(CopyOnTop(n));
    }
    return Status();
  }

  // The number that `version` has in a state that lives; nullopt: the state has it not.
  Result<std::optional<uint64_t>> NumberOf(const StateId& id, const Newest& newest,
                                           const VersionInfo& version) const {
    std::optional<uint64_t> number;
    if (!newest.version || newest.version->info.kind != RecordKind::kState) return number;
    Status walked = EachVersion(history_, id, [&](uint64_t n, const Result<SealedInfo>& info) {
      if (info.ok() && IsCopy(info->version, version)) number = n;
      return !number;
    });
    if (!walked.ok()) return walked;
    return number;
  }

  // The records that are worth something, the oldest first.
  Result<std::vector<uint64_t>> RealOnes() const {
    std::vector<uint64_t> out;
    Status damaged;
    Status walked =
        EachVersion(history_, from_.id, [&](uint64_t n, const Result<SealedInfo>& info) {
          if (!info.ok()) {
            damaged =
                Status(Code::kConflict, "version " + std::to_string(n) +
                                            " cannot be read, and would be lost; see `check`");
            return false;
          }
          if (info->version.kind != RecordKind::kNoOp) out.insert(out.begin(), n);
          return true;
        });
    if (!walked.ok()) return walked;
    if (!damaged.ok()) return damaged;
    return out;
  }

  Status Copy(const std::vector<uint64_t>& numbers) {
    uint64_t head = to_newest_.head;
    while (head < numbers.size()) {
      STATEWARD_RETURN_IF_ERROR(AppendNoOp(head));
      ++head;
    }
    // What a run before this one copied in front of them, when a grant took a number away since.
    const uint64_t first = head - numbers.size() + 1;
    for (uint64_t n = 1; n < first; ++n) STATEWARD_RETURN_IF_ERROR(Blank(n));
    for (size_t i = 0; i < numbers.size(); ++i) {
      const bool shows_it = i + 1 == numbers.size();
      STATEWARD_RETURN_IF_ERROR(CopyOne(numbers[i], first + i, shows_it));
      call_.caller.Report(i + 1, numbers.size());
    }
    return Status();
  }

  SealedInfo NoOp() const {
    SealedInfo info;
    info.key = to_.key;
    info.version.kind = RecordKind::kNoOp;
    info.version.writer = call_.caller.principal;
    info.version.operation = std::string(kOperationMove);
    info.version.time_ms = call_.service.clock().NowMs();
    info.version.audit = call_.caller.audit;
    return info;
  }

  Status AppendNoOp(uint64_t head) const {
    Bytes sealed;
    Result<AppendOutcome> appended = history_.Append(to_.id, head, NoOp(), {}, &sealed);
    if (!appended.ok()) return std::move(appended).status();
    return appended->appended ? Status() : Exists(to_.key);
  }

  Status CopyOnTop(uint64_t n) {
    STATEWARD_RETURN_IF_ERROR(AppendNoOp(to_newest_.head));
    ++to_newest_.head;
    return CopyOne(n, to_newest_.head, true);
  }

  Status Blank(uint64_t n) const {
    Status done = ExchangeRecord(call_.service, to_.id, n, [this](Opened* opened) {
      opened->info = NoOp();
      opened->document.clear();
      return Status();
    });
    return done.code() == Code::kNotFound ? Status() : done;
  }

  Status CopyOne(uint64_t n, uint64_t to, bool shows_it) {
    Result<Opened> record = history_.Open(from_.id, n);
    if (!record.ok()) return std::move(record).status();
    both_show_it_ = shows_it;  // from here on also when it is not known whether it was done
    return ExchangeRecord(call_.service, to_.id, to, [&](Opened* opened) {
      opened->info = record->info;
      opened->info.key = to_.key;
      // Young at this address, whatever its age: see kGapMs in state/pruner.h.
      opened->info.version.imported_ms = call_.service.clock().NowMs();
      opened->document = record->document;
      return Status();
    });
  }

  // A lock can be forced: nothing goes from the old address unless the new one has all of it.
  Status CheckCopy() {
    STATEWARD_RETURN_IF_ERROR(Look(to_, &to_newest_));
    if (to_newest_.unreadable.ok()) {
      Result<std::optional<uint64_t>> copied =
          NumberOf(to_.id, to_newest_, from_newest_.version->info);
      if (!copied.ok()) return std::move(copied).status();
      if (copied->has_value()) return Status();
    }
    both_show_it_ = false;
    return {Code::kConflict, "somebody wrote to " + StateText(to_.key) +
                                 " although it was locked; " + StateText(from_.key) +
                                 " stays as it is"};
  }

  // Clients find the new address from here on.
  Status Forward(const ChangeLock& lock) {
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
    Result<AppendOutcome> appended =
        history_.Append(from_.id, from_newest_.head, info, {}, &sealed);
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

  const Call& call_;
  const History& history_;
  const FoundState& from_;
  const FoundState& to_;
  Newest from_newest_;
  Newest to_newest_;
  bool both_show_it_ = false;
};

// The state that it is moved to, which is not there.
Result<FoundState> Target(const Call& call, const FoundState& from) {
  FoundState to;
  to.key = call.args.State("to");
  to.key.tenant = from.key.tenant;
  if (IsNestedName(to.key.name) && !call.service.rules().nested_names) {
    return Status(Code::kConflict, "a name with slashes needs NESTED_NAMES=true");
  }
  to.id = StateId::Of(to.key);
  if (to.id == from.id) return Status::InvalidArgument("these are the same address");
  if (!call.caller.On(to.key).Contains(call.operation.needs)) {
    return Status(Code::kPermissionDenied,
                  "your role does not allow this with " + StateText(to.key));
  }
  to.grant = GrantOf(call.caller, to.key);
  return to;
}

Result<Reply> MoveReply(const FoundState& from, const FoundState& to) {
  Reply reply;
  Row row = NameRow(from.key);
  row.emplace_back(StateText(to.key));
  reply.rows.push_back(std::move(row));
  return reply;
}

// A run that failed frees no lock that another run took: that one may still copy. Its client may
// have lost the connection and asked again.
Status StillAtWork(const Status& failed) {
  return {failed.code(), failed.detail() +
                             "; the locks stay, for an earlier run of this move may still be at "
                             "work: run it again, or `unlock` both addresses"};
}

// See Mover::both_show_it.
Status BothShowIt(const Status& failed) {
  return {failed.code(), failed.detail() +
                             "; both addresses may show it by now, and stay locked until the move "
                             "is at its end: run it again"};
}

}  // namespace

Result<Reply> RunMove(const Call& call) {
  Result<FoundState> from = FindState(call);
  if (!from.ok()) return std::move(from).status();
  Result<FoundState> to = Target(call, *from);
  if (!to.ok()) return std::move(to).status();
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  const bool moved = from->newest.version && from->newest.version->info.kind == RecordKind::kMoved;
  if (moved && from->newest.version->info.moved_to != StateText(to->key)) {
    return Status(Code::kConflict, StateText(from->key) + " " +
                                       WhereNow(from->key, from->newest.version->info.moved_to));
  }
  // A killed run may have come to the forwarding record, and left its locks.
  const uint64_t head = moved ? from->newest.real - 1 : from->newest.head;
  const std::string seed = from->id.hex() + ":" + to->id.hex() + ":" + std::to_string(head);
  ChangeLock here(call, from->grant, kOperationMove, seed);
  ChangeLock there(call, to->grant, kOperationMove, seed);
  if (moved) {
    for (ChangeLock* lock : {&here, &there}) {
      Result<bool> freed = lock->FreeLeft();
      if (!freed.ok()) return std::move(freed).status();
    }
    // A client that did not know of the move may have had a write refused there since.
    STATEWARD_RETURN_IF_ERROR(CopyUploads(*history, from->id, to->key));
    STATEWARD_RETURN_IF_ERROR(
        EmptyOldAddress(call.service, *history, from->id, to->id, from->newest.real));
    return MoveReply(*from, *to);
  }
  Reply reply;
  STATEWARD_RETURN_IF_ERROR(here.Take(&reply));
  if (!reply.holder.empty()) return reply;
  Status done = there.Take(&reply);
  const bool both = done.ok() && reply.holder.empty();
  Mover mover(call, *history, *from, *to);
  if (both) done = mover.Run(here);
  if (!done.ok() && mover.both_show_it()) return BothShowIt(done);
  if (!done.ok() && (here.shared() || there.shared())) return StillAtWork(done);
  const Status freed_there = both ? there.Free() : Status();
  const Status freed_here = here.Free();
  if (!done.ok()) return done;
  if (!reply.holder.empty()) return reply;
  if (!freed_there.ok()) return freed_there;
  if (!freed_here.ok()) return freed_here;
  return MoveReply(*from, *to);
}

}  // namespace stateward
