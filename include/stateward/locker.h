// At most one holder per state, or any number of plans (docs/lock.md, "Plan locks"). Each method is
// one atomic step in the backend.
//
// Locks never expire by themselves. A lock is compared by its ID alone; the ID is shown in every
// 423 answer, so it is bound to the principal that took it. Released IDs are remembered (the newest
// 128 of a state, for 24 h by the backend's clock).
//
// Whatever an outcome reports is durable when the call returns: also a repeat (Granted::repeated,
// NotHeld, WasReleased), since the worker that did it first may have died before it was synced.
//
// A service that may have forgotten locks (it was emptied, restored, or another process answers in
// its place) keeps its id but enters a new epoch; see BaseFn and docs/lock.md, "What a service
// forgets". It never takes a service id over by itself before ServiceId() found it there once.
//
// Looking at a state that was never locked, or releasing it, leaves nothing behind.
//
// Thread-safe. Every call ends within the time limit of the backend's configuration.
// Errors: kUnavailable only (the service cannot say, its epoch is not the one that the store's
// marker names, or its record is damaged). "Held by somebody" is an answer.
#ifndef STATEWARD_LOCKER_H_
#define STATEWARD_LOCKER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "stateward/gates.h"
#include "stateward/result.h"
#include "stateward/state.h"
#include "stateward/transaction.h"

namespace stateward {

// kept: the newest so many of a state
inline constexpr size_t kReleasedIdsKept = 128;
// and each for so long: 24 h
inline constexpr int64_t kReleasedIdsKeptMs = 24LL * 60 * 60 * 1000;
// So long after a forced release a client may still repeat it: three tries of at most 30 s each,
// with Retry-After: 15 between them.
inline constexpr int64_t kForceRepeatMs = 120000;

// Of a state: so many plan locks at once, in at most so many bytes each.
inline constexpr size_t kMaxPlanLocks = 128;
inline constexpr size_t kPlanLockBytes = 256;
// Writers that wait for plans: so many of a state are remembered. A further one waits, too, but
// holds no plan back.
inline constexpr size_t kMaxWaitingWriters = 16;
// A writer that has not asked for so long has gone away: clients ask at least every 16 s.
inline constexpr int64_t kWriterGoneMs = 20000;
// The Operation of a LockInfo that only reads.
inline constexpr std::string_view kPlanOperation = "OperationTypePlan";

// What a lock is for. A StateId alone will do where the original's locks do not matter.
struct LockKey {
  LockKey(StateId state) : id(std::move(state)) {}  // NOLINT: a StateId is a LockKey
  LockKey(StateId state, std::vector<std::string> legacy)
      : id(std::move(state)), legacy_ids(std::move(legacy)) {}

  StateId id;
  // The original's ids of this state (64 hex digits). A lock that the original still holds under
  // one of them is held for this state too, until it is released by its ID or by force; which
  // removes the original's record. Only `redis` and `postgres` can find any.
  std::vector<std::string> legacy_ids;
};

struct LockRecord {
  std::string id;            // 1 to 128 bytes
  std::string info;          // the client's LockInfo JSON, byte for byte (at most 16 KiB)
  std::string principal;     // who took it; "" = terraform-backend's lock: its ID is enough
  std::string operation;     // from the LockInfo; decides what a write may replace
  uint64_t base = 0;         // the head when the lock was taken
  int64_t time_ms = 0;       // when it was taken, by the backend's clock; 0 = unknown
  std::string token_sha256;  // of the token it was taken with: 64 hex digits, or ""
  bool plan_only = false;    // taken with the role plan: a writer may force it
  // Its LOCK has not been answered 200 yet, and perhaps never was: a repeat of it completes it.
  bool unconfirmed = false;
  // A plan lock, of which a state may have many at a time. Of one that is held only what fits in
  // kPlanLockBytes is kept: `principal` as KeptPrincipal has it, an `info` with ID,
  // Operation and Who, and no base.
  bool shared = false;
  // Only of a lock that is asked for, and not shared: how long it may keep new plan locks from
  // being taken while it waits for those that are held; 0 = not at all.
  int64_t hold_plans_ms = 0;
};

// Whether a lock is one for a plan, which writes nothing: whatever Operation the client names where
// it was taken with the role plan. Such a one may be granted again to a server that does not share
// them.
inline bool AsksForPlan(const LockRecord& want) {
  return want.shared || want.plan_only || want.operation == kPlanOperation;
}

// A principal's name as plan locks and waiting writers keep it: itself up to 63 bytes, else 64 that
// no other name has.
std::string KeptPrincipal(std::string_view principal);

inline bool IsHeldBy(const LockRecord& holder, std::string_view principal) {
  if (holder.shared) return holder.principal == KeptPrincipal(principal);
  return holder.principal.empty() || holder.principal == principal;
}

// Reads the head of the state's storage, for LockRecord::base. With `burn` it takes the next number
// away first: a write of an earlier holder may still be on its way. A locker says so on the first
// grant after a forced release, after BurnNext, and of each state in an epoch before which locks
// may have been forgotten; and again until the base that came of it is stored. `mark`: as in
// LockView; a head below it is refused before anything is burnt. `transaction`: as in LockView.
struct BaseAsk {
  bool burn = false;
  uint64_t mark = 0;
  Transaction* transaction = nullptr;
};
using BaseFn = std::function<Result<uint64_t>(const BaseAsk&)>;

// On what terms a lock is granted. A function that reads the head will do where there are no gates.
struct LockTerms {
  template <typename Fn, typename = decltype(BaseFn(std::declval<Fn>()))>
  LockTerms(Fn base_fn, GateTicket ticket = {})  // NOLINT: a BaseFn is LockTerms
      : base(std::move(base_fn)), gates(std::move(ticket)) {}

  BaseFn base;
  GateTicket gates;
  // The newest record that `base` need not be shown: what a locker brings along for it may leave
  // that one out. 0: none.
  uint64_t known = 0;
  // A record that was seen before the lock was asked for: a newest one below it is none. What a
  // locker brings along for `base` is compared with it, since the new holder may be writing already
  // when it arrives. 0: none.
  uint64_t seen = 0;
};

struct Granted {
  bool repeated = false;  // the same principal held it already with this ID
};
struct HeldBy {
  // Who holds it: of plans the oldest, or the one with the ID that was named. Where plans_from_ms
  // is set: the writer that waits.
  LockRecord holder;
  // Of a forced release that may be the repeat of one before this lock was taken: when, by the
  // backend's clock, it would free the lock. 0: it was not refused for that.
  int64_t freed_from_ms = 0;
  std::vector<LockRecord> plans = {};  // all that are held, oldest first
  // Of a plan that was refused since a writer waits: by when, at the latest, plans may hold it
  // again, by the backend's clock.
  int64_t plans_from_ms = 0;
};
struct WasReleased {};  // this ID was released within the time that is remembered
struct NotHeld {};
struct Released {
  LockRecord record;                   // what was released
  std::vector<LockRecord> plans = {};  // several plan locks: all of them, `record` too
};
// A gate is shut, and the asker does not hold the lock already; `holder`: who does.
struct Shut {
  std::optional<LockRecord> holder;
};
// The asker's ticket is of another set than this one, which is stored now.
struct GatesChanged {
  GateSet now;
};
using AcquireOutcome = std::variant<Granted, HeldBy, WasReleased, Shut, GatesChanged>;
// NotHeld: free. WasReleased: free or held by another, and this ID was released before: a repeat.
using ReleaseOutcome = std::variant<Released, NotHeld, WasReleased, HeldBy>;

struct ReleaseRequest {
  std::string id;         // "" = force: whatever is held
  std::string principal;  // who asks; another one's lock is HeldBy for him even with its ID
  // The holder of the lock with this ID. Of another principal's lock it is a forced release: it
  // counts for kForceRepeatMs as one with an empty ID does.
  bool any_principal = false;
  // The client named no ID: this one was looked up for it. A forced release in any case.
  bool unnamed = false;
  // With an empty ID: only plan locks, and of those the asker's own.
  bool own_plans = false;
  // With an ID: the run of that lock may have a write on its way. So the release is a forced one
  // for all who ask, after which the next grant says `burn`. One's own lock counts for
  // kForceRepeatMs no more than by a plain release: a repeat names the same ID.
  bool forced = false;
  uint64_t head = 0;  // the newest head of the state that the asker knows, for the mark
};

// What a write sees while it is decided.
struct LockView {
  std::optional<LockRecord> holder;
  std::vector<LockRecord> plans;  // the plan locks that are held, oldest first; then no holder
  // The state's head was at least this: when a lock was taken or released, as far as the one who
  // did it knew. A head below it means that records are gone. 0: nothing is remembered.
  uint64_t mark = 0;
  // What this step of the locker is, where a storage can take part in it (Storage::Within);
  // nullptr elsewhere. Lives as long as the call.
  Transaction* transaction = nullptr;
  // Of Locker::WithLock, for a write without a lock: the gates as this step finds them. Called
  // while the step lasts, at most once.
  std::function<Result<GateSet>()> gates = nullptr;
};
// The plan lock with this ID; nullptr: no plan lock has it.
inline const LockRecord* FindPlan(const std::vector<LockRecord>& plans, std::string_view lock_id) {
  for (const LockRecord& plan : plans) {
    if (plan.id == lock_id) return &plan;
  }
  return nullptr;
}
// May raise the view's mark, for the locker to remember where that costs it nothing.
using WriteFn = std::function<void(LockView&)>;

// How many locks are held.
struct HeldCount {
  uint64_t whole = 0;  // states with a holder
  uint64_t plans = 0;  // plan locks

  uint64_t all() const { return whole + plans; }
};

// Something damaged that is stored for a lock.
struct LockDamage {
  std::string what;         // in our words
  bool repairable = false;  // it can be made again from what is whole
};

using EachHeldFn = std::function<bool(const StateId& id, const Result<LockRecord>& holder)>;

class Locker : public Gates {
 public:
  // "local", "redis", "postgres", "s3": part of the settings, the store's marker and metrics.
  virtual std::string_view Name() const = 0;

  // The lock service's own id (32 hex digits), read again. kNotFound: reachable, has none yet.
  virtual Result<std::string> ServiceId() = 0;
  // From now on only this service is used; as Storage::Expect.
  virtual void Expect(const std::string& /*service_id*/) {}
  // Gives a service without an id a new one and returns it; returns the old one where there is one.
  // `forgotten`: the store was guarded before, and this service may not know by what locks.
  virtual Result<std::string> InitService(bool forgotten) = 0;

  // Takes the lock if it is free. `base` is called once while nobody else can hold the lock, and
  // its value is stored with the lock before this returns; its error is this call's error and the
  // lock is then not granted (or not complete: a repeated Acquire completes it). The gates are
  // asked about everything but a repeat of what was granted and an ID that was released.
  // A plan lock is granted while nobody or plans hold the state, unless a writer waits. The base is
  // read for it, too, but only remembered as the mark. A writer that meets plans is remembered as
  // waiting when that is stored.
  virtual Result<AcquireOutcome> Acquire(const LockKey& key, const LockRecord& want,
                                         const LockTerms& terms) = 0;
  // Compare and release. What is released by force is released and noted for the next grant in one
  // step; what is not released leaves no note. Plans write nothing, and leave none in any case.
  // An empty request.id releases whatever is held, all plans. Within
  // kForceRepeatMs of the same principal's forced release it may be that one's repeat: NotHeld when
  // the state is free, and HeldBy with freed_from_ms when it is not. An age below zero (a clock
  // that was set back) is not within, but for up to 2 s where processes may take a service's time
  // differently.
  virtual Result<ReleaseOutcome> Release(const LockKey& key, const ReleaseRequest& request) = 0;
  virtual Result<LockView> Look(const LockKey& key) = 0;
  // An append of this state has an unknown outcome: the next grant is to say `burn`.
  virtual Status BurnNext(const LockKey& key) = 0;
  // Whether a lock of this state that was taken with this token (64 hex digits, never "") was
  // released within the time for which released IDs are remembered. Asked once for a request with a
  // token that has expired.
  virtual Result<bool> TokenReleased(const StateId& id, const std::string& token_sha256) = 0;

  // Runs `write` with the current view. Where HoldsStill() is true, nobody can take or release the
  // state's lock until it returns; elsewhere the view may be old by the time `write` looks at it.
  // An error after `write` ran: where lock and storage share a transaction, its end failed or was
  // not confirmed, and what `write` stored may be there or not. The next WithLock of the state
  // finds it decided.
  virtual Status WithLock(const LockKey& key, const WriteFn& write) = 0;
  virtual bool HoldsStill() const = 0;

  // Calls `each` for every lock that is held (several of a state when plans hold it), and for every
  // state whose record cannot be read (then with the reason), in order of id, until it returns
  // false. A lock that is taken or freed meanwhile may be told or not. The original's locks are not
  // told: they do not say of what state they are. Costs up to one round trip for each lock.
  Status EachHeld(const EachHeldFn& each) { return EachHeldAfter(StateId(), each); }
  // The same of the states behind this one; the empty id comes before all.
  virtual Status EachHeldAfter(const StateId& after, const EachHeldFn& each) = 0;
  // How many locks are held. Cheap enough for one call a minute.
  virtual Result<HeldCount> CountHeld() = 0;
  // How many locks of the original are held, of whatever states. Goes through all that lies there.
  // kPermissionDenied: the service's user may not do that (Redis).
  virtual Result<uint64_t> CountLegacy() { return uint64_t{0}; }
  // What is damaged of that which is stored for a state's lock, although the lock can be told
  // without it. Nothing where a service keeps the records: it guards its own bytes.
  virtual Result<std::vector<LockDamage>> Damage(const StateId& /*id*/) {
    return std::vector<LockDamage>();
  }
  // Writes what Damage told and can be made again, from what is whole. Durable when it returns OK.
  virtual Status RepairDamage(const StateId& /*id*/) { return Status(); }
  // OK when a lock could be taken now; otherwise what is wrong, for /ready.
  virtual Status Check() = 0;
  // What promises less than it should although it works, as far as known; "" = nothing. A fixed
  // text that names the setting: for the log and for /ready.
  virtual std::string Warning() { return ""; }
  // Calls `each` once for every state of which anything is remembered, its lock free or not, until
  // it returns false. What has no cheap list of the free ones tells those with held locks alone.
  virtual Status EachKnown(const std::function<bool(const StateId& id)>& each) {
    std::string last;
    return EachHeld([&](const StateId& id, const Result<LockRecord>&) {
      return id.hex() == std::exchange(last, id.hex()) || each(id);
    });
  }
};

}  // namespace stateward

#endif  // STATEWARD_LOCKER_H_
