#include "state/guarded_write.h"

#include <utility>

#include "state/guard.h"
#include "state/lock_rights.h"

namespace stateward {
namespace {

// Another writer takes the number between our look and our append only while it, too, is being
// refused or takes numbers away: a handful of tries is plenty.
constexpr int kTakeTries = 16;

WriteOutcome Refused(std::string reason) {
  WriteOutcome out;
  out.kind = WriteOutcome::Kind::kRefused;
  out.reason = std::move(reason);
  return out;
}

WriteOutcome Failed(Status status) {
  WriteOutcome out;
  out.kind = WriteOutcome::Kind::kFailed;
  out.status = std::move(status);
  return out;
}

WriteOutcome Done(uint64_t n) {
  WriteOutcome out;
  out.kind = WriteOutcome::Kind::kDone;
  out.n = n;
  return out;
}

// Seals the no-op record that goes on top of `newest`.
Result<Bytes> SealNoOp(Kms& kms, const SealContext& where, const StateKey& key, VersionInfo info,
                       const Newest& newest) {
  info.kind = RecordKind::kNoOp;
  info.size = 0;
  info.sha256 = {};
  info.newest_real = newest.real;
  return kms.Seal(where, {key, std::move(info)}, {});
}

enum class Session : uint8_t {
  kOnlyThis,    // every version above the base is this session's
  kOther,       // another session wrote
  kAskTheLock,  // no other session wrote, but another may have been granted meanwhile
};

// Who wrote above the session's base? Each write of a session proves it before it appends and
// stores the base beside its lock ID, so the newest version alone tells. A no-op record is no
// version: one of a LOCK that was forced out while it was on its way may come at any time. But the
// next session's LOCK leaves one, too, and what it says is that this session's time is over: only
// the lock, asked after the head was read, can tell the two apart.
Session WhoWrote(const Newest& newest, const LockRecord& lock) {
  if (newest.head == lock.base) return Session::kOnlyThis;
  if (newest.head < lock.base) return Session::kOther;
  bool none_above = newest.real <= lock.base;
  // Damaged: the lock names the holder, and the number is compared again by the append.
  if (none_above || newest.damaged) return Session::kAskTheLock;
  const VersionInfo& info = newest.version->info;
  if (info.lock_id != lock.id || info.lock_base != lock.base) return Session::kOther;
  return newest.real == newest.head ? Session::kOnlyThis : Session::kAskTheLock;
}

}  // namespace

WriteOutcome GuardedWrite::Run(const WriteRequest& request, const LockView& view) {
  mark_ = view.mark;
  if (request.grant->expired && request.lock_id.empty()) {
    return Refused("an expired token writes only under its lock");
  }
  if (!view.holder) {
    if (!request.lock_id.empty()) return Refused("the lock with this ID is not held");
    if (!rules_.write_without_lock && request.kind == RecordKind::kState) {
      return Refused("writes without a lock are switched off");
    }
    return RunUnlocked(request);
  }
  if (request.lock_id.empty()) return Refused("the state is locked by " + view.holder->id);
  if (request.lock_id != view.holder->id) return Refused("another lock is held");
  if (!MayUse(*request.grant, *view.holder)) {
    return Failed(Status(Code::kPermissionDenied, "the lock belongs to another principal"));
  }
  return RunLocked(request, *view.holder);
}

WriteOutcome GuardedWrite::RunAgain(const WriteOutcome& first, const WriteRequest& request,
                                    const LockView& view) {
  StateId id = StateId::Of(request.grant->key);
  if (first.n > 0) {
    Result<Bytes> there = storage_.Get(id, first.n);
    if (there.ok() && *there == first.sealed) {
      Status settled = storage_.Settle(id, first.n);
      return settled.ok() ? Done(first.n) : Failed(std::move(settled));
    }
    if (!there.ok() && there.status().code() != Code::kNotFound) {
      return Failed(std::move(there).status());
    }
  }
  return Run(request, view);
}

Result<Newest> GuardedWrite::Look(const WriteRequest& request) {
  StateId id = StateId::Of(request.grant->key);
  Result<Newest> newest =
      LoadNewest(storage_, kms_, store_id_, *request.grant, id, rules_.legacy_read);
  if (newest.ok() && newest->head < mark_) {
    return Status::Unavailable("record " + std::to_string(mark_) +
                               " is gone, the newest one left is " + std::to_string(newest->head) +
                               "; see docs/storage.md, \"Records that are gone\"");
  }
  return newest;
}

WriteOutcome GuardedWrite::RunUnlocked(const WriteRequest& request) {
  Result<Newest> newest = Look(request);
  if (!newest.ok()) return Failed(std::move(newest).status());
  if (newest->damaged) {
    return Failed(Status::Corruption("the newest version is damaged; a write needs the lock"));
  }
  return Decide(request, *newest, nullptr);
}

WriteOutcome GuardedWrite::RunLocked(const WriteRequest& request, const LockRecord& lock) {
  Result<Newest> newest = Look(request);
  if (!newest.ok()) return Failed(std::move(newest).status());
  Session session = WhoWrote(*newest, lock);
  if (session == Session::kOther) return RefuseOther(request, *newest);
  if (session == Session::kAskTheLock) {
    Result<bool> held = StillHeld(request, lock);
    if (!held.ok()) return Failed(std::move(held).status());
    if (!*held) return Refused("the lock with this ID is not held any more");
  }
  return Decide(request, *newest, &lock);
}

Result<bool> GuardedWrite::StillHeld(const WriteRequest& request, const LockRecord& lock) {
  if (locker_.HoldsStill()) return true;
  Result<LockView> now = locker_.Look(LockKeyOf(*request.grant, rules_.legacy_read));
  if (!now.ok()) return std::move(now).status();
  return now->holder && now->holder->id == lock.id && now->holder->base == lock.base;
}

WriteOutcome GuardedWrite::RefuseOther(const WriteRequest& request, const Newest& newest) {
  // A repeat of what is stored already does no harm, whoever stored it.
  if (newest.version && !newest.version->legacy &&
      newest.version->info.sha256 == request.info.sha256 &&
      newest.version->info.kind == request.kind) {
    return Settled(request, newest);
  }
  return Refused("another session wrote after this lock was taken");
}

WriteOutcome GuardedWrite::Decide(const WriteRequest& request, const Newest& newest,
                                  const LockRecord* lock) {
  if (request.kind == RecordKind::kTombstone) {
    if (newest.damaged) return Failed(Status::Corruption("the newest version is damaged"));
    bool nothing = newest.head == 0 && newest.legacy_id.empty();
    bool gone = newest.version && newest.version->info.kind == RecordKind::kTombstone;
    if (nothing) return Done(0);
    if (gone) return Settled(request, newest);
    return Append(request, newest, lock);
  }
  if (newest.damaged) return Append(request, newest, lock);
  GuardInput in;
  in.serial = request.info.serial;
  in.lineage = request.info.lineage;
  in.sha256 = request.info.sha256;
  if (lock != nullptr) in.operation = lock->operation;
  in.strict = rules_.strict;
  in.newest = newest.version;
  GuardDecision decision = DecideWrite(in);
  if (decision.verdict == GuardVerdict::kRefuse) return Refused(decision.reason);
  if (decision.verdict == GuardVerdict::kSame) return Settled(request, newest);
  return Append(request, newest, lock);
}

// The bytes stand there already: a repeat. Say so only when they last.
WriteOutcome GuardedWrite::Settled(const WriteRequest& request, const Newest& newest) {
  Status settled = storage_.Settle(StateId::Of(request.grant->key), newest.head);
  if (!settled.ok()) return Failed(Status::Unavailable("settle: " + settled.detail()));
  return Done(0);
}

WriteOutcome GuardedWrite::Append(const WriteRequest& request, const Newest& newest,
                                  const LockRecord* lock) {
  StateId id = StateId::Of(request.grant->key);
  if (!newest.legacy_id.empty()) {
    Result<StateId> claimant = storage_.ClaimLegacy(newest.legacy_id, id);
    if (!claimant.ok()) return Failed(std::move(claimant).status());
    if (!(*claimant == id)) return Refused("the legacy state was taken over under another name");
  }
  SealedInfo info;
  info.key = request.grant->key;
  info.version = request.info;
  info.version.kind = request.kind;
  if (request.kind == RecordKind::kTombstone && newest.version) {
    info.version.serial = newest.version->info.serial;
    info.version.lineage = newest.version->info.lineage;
  }
  info.version.writer = request.grant->principal;
  info.version.time_ms = clock_.NowMs();
  if (lock != nullptr) {
    info.version.operation = lock->operation;
    info.version.lock_id = lock->id;
    info.version.lock_base = lock->base;
  }
  uint64_t n = newest.head + 1;
  Result<Bytes> sealed = kms_.Seal({store_id_, id, n}, info, request.document);
  if (!sealed.ok()) return Failed(std::move(sealed).status());
  Result<AppendOutcome> appended = storage_.Append(id, newest.head, *sealed);
  if (!appended.ok()) {
    return Resolve(request, newest, *sealed, info.version, std::move(appended).status());
  }
  if (!appended->appended) return Refused("another write came first");
  WriteOutcome done = Done(n);
  done.sealed = *std::move(sealed);
  return done;
}

// The append failed, but may have taken effect, or may do so later. Read back; what is not there is
// kept from arriving late, so that the client's repeat meets a state that stands still. Only the
// very number that it was to take is taken away: whoever works on behind it must not be disturbed.
WriteOutcome GuardedWrite::Resolve(const WriteRequest& request, const Newest& newest,
                                   ByteView sealed, const VersionInfo& info, Status why) {
  StateId id = StateId::Of(request.grant->key);
  uint64_t n = newest.head + 1;
  WriteOutcome failed = Failed(std::move(why));
  Result<Bytes> there = storage_.Get(id, n);
  if (!there.ok() && storage_.WritesMayArriveLate()) {
    failed.may_arrive_late = true;
    if (there.status().code() != Code::kNotFound) return failed;
    Result<Bytes> empty = SealNoOp(kms_, {store_id_, id, n}, request.grant->key, info, newest);
    if (!empty.ok()) return failed;
    Result<AppendOutcome> taken = storage_.Append(id, n - 1, *empty);
    if (!taken.ok()) return failed;
    failed.may_arrive_late = false;
    if (taken->appended) return failed;
    there = storage_.Get(id, n);  // it arrived in between, or another write did
  }
  if (!there.ok()) return failed;
  if (ByteView(*there) != sealed) return Refused("another write came first");
  return storage_.Settle(id, n).ok() ? Done(n) : failed;
}

Result<uint64_t> TakeNextNumber(Storage& storage, Kms& kms, const std::string& store_id,
                                const StateKey& key, const StateId& id, const VersionInfo& info) {
  for (int i = 0; i < kTakeTries; ++i) {
    Result<Newest> newest = LoadNewestRecord(storage, kms, store_id, id);
    if (!newest.ok()) return std::move(newest).status();
    if (!info.lock_id.empty() && newest->head_info.lock_id == info.lock_id) return newest->head;
    uint64_t n = newest->head + 1;
    Result<Bytes> empty = SealNoOp(kms, {store_id, id, n}, key, info, *newest);
    if (!empty.ok()) return std::move(empty).status();
    Result<AppendOutcome> appended = storage.Append(id, newest->head, *empty);
    if (!appended.ok()) return std::move(appended).status();
    if (appended->appended) return n;
  }
  return Status::Unavailable("no number could be taken: other writes came first each time");
}

}  // namespace stateward
