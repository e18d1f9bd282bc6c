// One write, from the holder of the lock to the new record: the steps of docs/architecture.md, "The
// guarded write". Made for one request, used by one thread.
#ifndef STATEWARD_STATE_GUARDED_WRITE_H_
#define STATEWARD_STATE_GUARDED_WRITE_H_

#include <cstdint>
#include <functional>
#include <future>
#include <string>

#include "history/history.h"
#include "state/newest.h"
#include "state/refusal.h"
#include "state/state_settings.h"
#include "stateward/audit.h"
#include "stateward/authenticator.h"
#include "stateward/bytes.h"
#include "stateward/clock.h"
#include "stateward/kms.h"
#include "stateward/locker.h"
#include "stateward/status.h"
#include "stateward/storage.h"

namespace stateward {

// What must be written. kind kState with a document; or kTombstone, or kMoved, without.
struct WriteRequest {
  const Grant* grant = nullptr;
  std::string lock_id;    // "" = the client holds no lock
  bool by_client = true;  // else by an operation, under a lock of its own (IsOperationLockId)
  RecordKind kind = RecordKind::kState;
  ByteView document;
  VersionInfo info;  // serial, lineage, terraform_version, size, sha256 of the document; moved_to
  // Claims the state's name before the append that may be its first: no stored state is without it.
  // In the storage that it is given: a part of the write's transaction where there is one.
  std::function<Status(Storage&)> claim_name = [](Storage&) { return Status(); };
};

struct WriteOutcome {
  enum class Kind : uint8_t {
    kDone,     // appended as `n`, or there already
    kRefused,  // the stored state or the lock does not allow it; a document is kept
    kFailed,   // `status`: nothing is known to be stored
    // A no-op record took the number: nothing is stored. To be run with a new look at the lock.
    kLookAgain,
  };
  Kind kind = Kind::kFailed;
  Status status;  // of a failure
  Refusal refusal = Refusal::kNone;
  std::string facts;  // of a refusal: what it was decided by
  uint64_t n = 0;     // 0: nothing new was stored
  // What was stored as `n`; of a failure: what may have been.
  Bytes sealed;
  std::optional<AuditVersion> before;  // the newest version that it was compared with
  // The write may still arrive, and its number could not be taken away: Locker::BurnNext is due.
  bool may_arrive_late = false;
};

// What stands at the end, as somebody looks at it while the lock is looked at.
using EarlyLook = std::future<Result<Newest>>;

// Of one step of the locker.
class GuardedWrite {
 public:
  // `storage`: as StepStorage gives it for the step that the write runs in. `early`: used once,
  // where it is valid. Which of the two looks came first does not matter: the append takes the
  // number behind what was seen or none, and what another session could have put there before the
  // lock was seen is there to be seen by WhoWrote, or has taken that number.
  GuardedWrite(Storage& storage, Locker& locker, Kms& kms, const Clock& clock,
               const WriteRules& rules, std::string store_id, EarlyLook* early = nullptr)
      : storage_(storage),
        locker_(locker),
        history_(storage, kms, std::move(store_id)),
        clock_(clock),
        rules_(rules),
        early_(early) {}

  // REQUIRES: called from Locker::WithLock with its view.
  WriteOutcome Run(const WriteRequest& request, const LockView& view);
  // Again, after the transaction of `first` was not confirmed to the end. What it may have stored
  // is looked for, and only if it is not there the write begins again.
  WriteOutcome RunAgain(const WriteOutcome& first, const WriteRequest& request,
                        const LockView& view);

 private:
  WriteOutcome CheckLock(const WriteRequest& request, const LockView& view);
  WriteOutcome CheckGates(const WriteRequest& request, const LockView& view);
  // kUnavailable also when records are gone: the head is below the view's mark. kUnknownKey: the
  // newest version's key is not known here.
  Result<Newest> Look(const WriteRequest& request);
  WriteOutcome LookFailed(const WriteRequest& request, Status status);
  WriteOutcome RunUnlocked(const WriteRequest& request);
  WriteOutcome RunLocked(const WriteRequest& request, const LockRecord& lock);
  WriteOutcome RefuseOther(const WriteRequest& request, const Newest& newest);
  Result<bool> StillHeld(const WriteRequest& request, const LockRecord& lock);
  WriteOutcome Decide(const WriteRequest& request, const Newest& newest, const LockRecord* lock);
  WriteOutcome Settled(const WriteRequest& request, uint64_t n);
  Status ReadWhole(const StateId& id, const Newest& newest);
  WriteOutcome Append(const WriteRequest& request, const Newest& newest, const LockRecord* lock);
  Status Claim(const WriteRequest& request, const Newest& newest, WriteOutcome* refused);
  WriteOutcome LostNumber(const WriteRequest& request, uint64_t n);
  WriteOutcome Resolve(const WriteRequest& request, const Newest& newest, ByteView sealed,
                       const VersionInfo& info, Status why);

  Storage& storage_;
  Locker& locker_;
  const History history_;
  const Clock& clock_;
  const WriteRules rules_;
  EarlyLook* const early_;
  void ExpectLast() const {
    if (transaction_ != nullptr) transaction_->ExpectLast();
  }

  uint64_t mark_ = 0;  // of the view that Run was given
  Transaction* transaction_ = nullptr;
  std::optional<AuditVersion> before_;
};

// Takes the next number away with a no-op record, so that a write of an earlier holder that may
// still arrive finds it taken. Called while `info`'s lock is being granted; returns the head, which
// is that session's base. Does nothing when the newest record bears that lock's ID: another worker
// that completes the same LOCK was faster, and the session may be writing already.
// kUnavailable: also when a key service does not say what the newest record is. kUnknownKey: its
// key is not known here, so others might not know the key of what would be put on top.
Result<uint64_t> TakeNextNumber(const History& history, const StateKey& key, const StateId& id,
                                const VersionInfo& info);

}  // namespace stateward

#endif  // STATEWARD_STATE_GUARDED_WRITE_H_
