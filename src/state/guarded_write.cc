#include "state/guarded_write.h"

#include <utility>

#include "state/guard.h"
#include "state/known_gates.h"
#include "state/lock_info.h"
#include "state/lock_rights.h"
#include "state/records_gone.h"

namespace stateward {
namespace {

// Another writer takes the number between our look and our append only while it, too, is being
// refused or takes numbers away: a handful of tries is plenty.
constexpr int kTakeTries = 16;

WriteOutcome Refused(Refusal refusal, std::string facts = "") {
  WriteOutcome out;
  out.kind = WriteOutcome::Kind::kRefused;
  out.refusal = refusal;
  out.facts = std::move(facts);
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

// Appends the no-op record that goes on top of record `head`; `real`: as NewestRecord::real.
Result<AppendOutcome> AppendNoOp(const History& history, const StateKey& key, VersionInfo info,
                                 uint64_t head, uint64_t real) {
  info.kind = RecordKind::kNoOp;
  info.size = 0;
  info.sha256 = {};
  info.newest_real = real;
  Bytes sealed;
  return history.Append(StateId::Of(key), head, {key, std::move(info)}, {}, &sealed);
}

bool IsSameWrite(const VersionInfo& stored, const WriteRequest& request) {
  return stored.kind == request.kind && stored.sha256 == request.info.sha256 &&
         stored.moved_to == request.info.moved_to;
}

enum class Session : uint8_t {
  kOnlyThis,    // every version above the base is this session's
  kOther,       // another session wrote
  kAskTheLock,  // no other session wrote, but another may have been granted meanwhile
};

// Who wrote above the session's base? Each write of a session proves it before it appends and
// stores the base with its lock ID, so the newest version alone tells. A no-op record is no
// version: one of a LOCK that was forced out while it was on its way may come at any time. But the
// next session's LOCK leaves one, too, and what it says is that this session's time is over: only
// the lock, asked after the head was read, can tell the two apart.
Session WhoWrote(const Newest& newest, const LockRecord& lock) {
  if (newest.head == lock.base) return Session::kOnlyThis;
  if (newest.head < lock.base) return Session::kOther;
  bool none_above = newest.real <= lock.base;
  // Damaged: the lock names the holder, and the number is compared again by the append.
  if (none_above || !newest.unreadable.ok()) return Session::kAskTheLock;
  const VersionInfo& info = newest.version->info;
  if (info.lock_id != lock.id || info.lock_base != lock.base) return Session::kOther;
  return newest.real == newest.head ? Session::kOnlyThis : Session::kAskTheLock;
}

}  // namespace

WriteOutcome GuardedWrite::Run(const WriteRequest& request, const LockView& view) {
  mark_ = view.mark;
  transaction_ = view.transaction;
  WriteOutcome out = CheckLock(request, view);
  if (out.kind == WriteOutcome::Kind::kRefused || !out.status.ok()) return out;
  out = view.holder ? RunLocked(request, *view.holder) : RunUnlocked(request);
  out.before = before_;
  return out;
}

// Whether the lock allows it: a refusal, or nothing that is one.
WriteOutcome GuardedWrite::CheckLock(const WriteRequest& request, const LockView& view) {
  if (request.grant->expired && request.lock_id.empty()) return Refused(Refusal::kExpiredToken);
  // Its run would take what the client writes for its own work.
  if (request.by_client && IsOperationLockId(request.lock_id)) {
    return Refused(Refusal::kOperationsLock);
  }
  if (!view.plans.empty()) {
    const bool plan = FindPlan(view.plans, request.lock_id) != nullptr;
    return Refused(plan ? Refusal::kPlanLock : Refusal::kPlansHold, PlanFacts(view.plans));
  }
  if (!view.holder) {
    if (!request.lock_id.empty()) return Refused(Refusal::kLockNotHeld);
    bool needed = !rules_.write_without_lock && request.kind == RecordKind::kState;
    return needed ? Refused(Refusal::kLockNeeded) : CheckGates(request, view);
  }
  const LockRecord& holder = *view.holder;
  if (request.lock_id.empty()) return Refused(Refusal::kLocked, HolderFacts(holder));
  if (request.lock_id != holder.id) return Refused(Refusal::kOtherLock, HolderFacts(holder));
  if (!MayUse(*request.grant, holder)) return Refused(Refusal::kLockOfOther, HolderFacts(holder));
  return WriteOutcome();
}

// Who has a lock from before may finish; without one nobody begins.
WriteOutcome GuardedWrite::CheckGates(const WriteRequest& request, const LockView& view) {
  Result<GateSet> gates = view.gates();
  if (!gates.ok()) return Failed(std::move(gates).status());
  const Gate* shut = ShutGate(*gates, request.grant->key, gates->now_ms);
  if (shut == nullptr) return WriteOutcome();
  return Refused(Refusal::kShutGate, GateSentence(*shut, gates->now_ms));
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
  const bool early = early_ != nullptr && early_->valid();
  const auto look = [&] { return LoadNewest(history_, *request.grant, id, rules_.legacy_read); };
  Result<Newest> newest = early ? early_->get() : look();
  // A session that ended after an early look raised the mark over what that one saw.
  if (early && newest.ok() && newest->head < mark_) newest = look();
  if (newest.ok()) STATEWARD_RETURN_IF_ERROR(CheckMark(mark_, newest->head));
  // What may follow is told by what stands there: a host that has its key must judge.
  if (newest.ok() && newest->unreadable.code() == Code::kUnknownKey) return newest->unreadable;
  if (newest.ok() && newest->version) before_ = {newest->real, newest->version->info.serial};
  return newest;
}

// What is sent may be the only copy of what an apply did: where the original's state is another
// name's it is refused, and so kept.
WriteOutcome GuardedWrite::LookFailed(const WriteRequest& request, Status status) {
  if (status.code() != Code::kConflict) return Failed(std::move(status));
  return Refused(WhyNotOfThisName(storage_, *request.grant));
}

WriteOutcome GuardedWrite::RunUnlocked(const WriteRequest& request) {
  Result<Newest> newest = Look(request);
  if (!newest.ok()) return LookFailed(request, std::move(newest).status());
  // Damage is for a person to look at: nobody's lock says that one did.
  Status whole = ReadWhole(StateId::Of(request.grant->key), *newest);
  if (!whole.ok()) return Failed(std::move(whole));
  return Decide(request, *newest, nullptr);
}

WriteOutcome GuardedWrite::RunLocked(const WriteRequest& request, const LockRecord& lock) {
  Result<Newest> newest = Look(request);
  if (!newest.ok()) return LookFailed(request, std::move(newest).status());
  Session session = WhoWrote(*newest, lock);
  if (session == Session::kOther) return RefuseOther(request, *newest);
  if (session == Session::kAskTheLock) {
    Result<bool> held = StillHeld(request, lock);
    if (!held.ok()) return Failed(std::move(held).status());
    if (!*held) return Refused(Refusal::kLockNotHeld);
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
  if (!newest.version) return Refused(Refusal::kOtherSession);
  // A repeat of what is stored already does no harm, no matter who stored it.
  if (!newest.version->legacy && IsSameWrite(newest.version->info, request)) {
    return Settled(request, newest.real);
  }
  return Refused(Refusal::kOtherSession, SerialFacts(newest.version->info, request.info));
}

WriteOutcome GuardedWrite::Decide(const WriteRequest& request, const Newest& newest,
                                  const LockRecord* lock) {
  if (newest.version && newest.version->info.kind == RecordKind::kMoved) {
    const VersionInfo& there = newest.version->info;
    if (IsSameWrite(there, request)) return Settled(request, newest.real);
    return Refused(ForwardedRefusal(request.grant->key, there.moved_to), there.moved_to);
  }
  if (request.kind != RecordKind::kState) {
    if (!newest.unreadable.ok()) return Failed(newest.unreadable);
    bool nothing = newest.real == 0 && newest.legacy_id.empty();
    bool gone = newest.version && newest.version->info.kind == request.kind;
    if (nothing) return Done(0);
    if (gone) return Settled(request, newest.real);
    return Append(request, newest, lock);
  }
  if (!newest.unreadable.ok()) return Append(request, newest, lock);
  GuardInput in;
  in.serial = request.info.serial;
  in.lineage = request.info.lineage;
  in.sha256 = request.info.sha256;
  if (lock != nullptr) {
    in.operation = lock->operation;
    in.lock_id = lock->id;
    in.lock_base = lock->base;
  }
  in.strict = rules_.strict;
  in.newest = newest.version;
  GuardDecision decision = DecideWrite(in);
  if (decision.verdict == GuardVerdict::kRefuse) {
    return Refused(decision.refusal, SerialFacts(newest.version->info, request.info));
  }
  if (decision.verdict == GuardVerdict::kAppend) return Append(request, newest, lock);
  // They are said to be there only when they can be read; the holder puts damaged ones right. An
  // unlocked write has read them.
  Status whole = lock == nullptr ? Status() : ReadWhole(StateId::Of(request.grant->key), newest);
  if (whole.ok()) return Settled(request, newest.real);
  if (whole.code() == Code::kCorruption) return Append(request, newest, lock);
  return Failed(std::move(whole));
}

// Reads the newest version to its end: what lies behind its front may be damaged, too.
Status GuardedWrite::ReadWhole(const StateId& id, const Newest& newest) {
  if (!newest.unreadable.ok()) return newest.unreadable;
  if (newest.real == 0) return Status();
  Result<Opened> opened = history_.Open(id, newest.real);
  if (!opened.ok() && opened.status().code() == Code::kNotFound) {
    return Status::Unavailable("the newest version is not where it was");
  }
  return opened.ok() ? Status() : std::move(opened).status();
}

// The bytes stand there already, as record n: a repeat. Say so only when they last.
WriteOutcome GuardedWrite::Settled(const WriteRequest& request, uint64_t n) {
  ExpectLast();
  Status settled = storage_.Settle(StateId::Of(request.grant->key), n);
  if (!settled.ok()) return Failed(Status::Unavailable("settle: " + settled.detail()));
  return Done(0);
}

// What must be there before the record is: the original's id, and the name.
Status GuardedWrite::Claim(const WriteRequest& request, const Newest& newest,
                           WriteOutcome* refused) {
  StateId id = StateId::Of(request.grant->key);
  if (!newest.legacy_id.empty()) {
    Result<StateId> claimant = storage_.ClaimLegacy(newest.legacy_id, id);
    if (!claimant.ok()) return std::move(claimant).status();
    if (!(*claimant == id)) {
      *refused = Refused(Refusal::kNameTakenOver);
      return Status();
    }
  }
  return request.kind == RecordKind::kState ? request.claim_name(storage_) : Status();
}

WriteOutcome GuardedWrite::Append(const WriteRequest& request, const Newest& newest,
                                  const LockRecord* lock) {
  StateId id = StateId::Of(request.grant->key);
  WriteOutcome refused;
  Status claimed = Claim(request, newest, &refused);
  if (!claimed.ok()) return Failed(std::move(claimed));
  if (refused.kind == WriteOutcome::Kind::kRefused) return refused;
  SealedInfo info;
  info.key = request.grant->key;
  info.version = request.info;
  info.version.kind = request.kind;
  if (request.kind != RecordKind::kState && newest.version) {
    info.version.serial = newest.version->info.serial;
    info.version.lineage = newest.version->info.lineage;
  }
  info.version.writer = request.grant->principal;
  info.version.time_ms = clock_.NowMs();
  info.version.audit = request.grant->audit;
  if (lock != nullptr) {
    info.version.operation = lock->operation;
    info.version.lock_id = lock->id;
    info.version.lock_base = lock->base;
  }
  uint64_t n = newest.head + 1;
  Bytes sealed;
  ExpectLast();
  Result<AppendOutcome> appended =
      history_.Append(id, newest.head, info, request.document, &sealed);
  if (!appended.ok() && sealed.empty()) return Failed(std::move(appended).status());
  if (!appended.ok()) {
    WriteOutcome out = Resolve(request, newest, sealed, info.version, std::move(appended).status());
    if (out.kind == WriteOutcome::Kind::kFailed) {
      out.n = n;
      out.sealed = std::move(sealed);
    }
    return out;
  }
  if (!appended->appended) return LostNumber(request, n);
  WriteOutcome done = Done(n);
  done.sealed = std::move(sealed);
  return done;
}

// The number is another record's. The same bytes are the same write: another try of this request,
// or an identical one. A no-op record is no write: it takes the number and nothing more.
WriteOutcome GuardedWrite::LostNumber(const WriteRequest& request, uint64_t n) {
  StateId id = StateId::Of(request.grant->key);
  WriteOutcome again;
  again.kind = WriteOutcome::Kind::kLookAgain;
  Result<SealedInfo> info = history_.Info(id, n);
  if (!info.ok() && info.status().code() == Code::kNotFound) return again;
  if (!info.ok()) return Failed(std::move(info).status());
  if (info->version.kind == RecordKind::kNoOp) return again;
  if (IsSameWrite(info->version, request)) return Settled(request, n);
  return Refused(Refusal::kOtherWrite, SerialFacts(info->version, request.info));
}

// The append failed, but may have taken effect, or may do so later. Read back; what is not there is
// kept from arriving late, so that the client's repeat meets a state that stands still. Only the
// very number that it would take is taken away: those who work on after it must not be disturbed.
WriteOutcome GuardedWrite::Resolve(const WriteRequest& request, const Newest& newest,
                                   ByteView sealed, const VersionInfo& info, Status why) {
  StateId id = StateId::Of(request.grant->key);
  uint64_t n = newest.head + 1;
  WriteOutcome failed = Failed(std::move(why));
  Result<Bytes> there = storage_.Get(id, n);
  if (!there.ok() && storage_.WritesMayArriveLate()) {
    failed.may_arrive_late = true;
    if (there.status().code() != Code::kNotFound) return failed;
    Result<AppendOutcome> taken =
        AppendNoOp(history_, request.grant->key, info, newest.head, newest.real);
    if (!taken.ok()) return failed;
    failed.may_arrive_late = false;
    if (taken->appended) return failed;
    there = storage_.Get(id, n);  // it arrived in between, or another write did
  }
  if (!there.ok()) return failed;
  if (ByteView(*there) != sealed) return LostNumber(request, n);
  return storage_.Settle(id, n).ok() ? Done(n) : failed;
}

Result<uint64_t> TakeNextNumber(const History& history, const StateKey& key, const StateId& id,
                                const VersionInfo& info) {
  for (int i = 0; i < kTakeTries; ++i) {
    Result<NewestRecord> newest = history.Look(id);
    if (!newest.ok()) return std::move(newest).status();
    if (newest->unreadable.code() == Code::kUnknownKey) return newest->unreadable;
    if (!info.lock_id.empty() && newest->head_info.lock_id == info.lock_id) return newest->head;
    Result<AppendOutcome> appended = AppendNoOp(history, key, info, newest->head, newest->real);
    if (!appended.ok()) return std::move(appended).status();
    if (appended->appended) return newest->head + 1;
  }
  return Status::Unavailable("no number could be taken: other writes came first each time");
}

}  // namespace stateward
