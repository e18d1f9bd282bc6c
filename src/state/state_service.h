// The verbs of a state: read, write, delete, lock, unlock. Knows nothing of HTTP.
//
// Thread-safe. Everything it is given must outlive it.
#ifndef STATEWARD_STATE_STATE_SERVICE_H_
#define STATEWARD_STATE_STATE_SERVICE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/head_hints.h"
#include "base/log.h"
#include "history/upload_keeper.h"
#include "state/guarded_write.h"
#include "state/held_names.h"
#include "state/known_gates.h"
#include "state/sent_document.h"
#include "state/state_answer.h"
#include "state/state_settings.h"
#include "state/store_gate.h"
#include "state/tenant_gate.h"
#include "stateward/authenticator.h"
#include "stateward/clock.h"
#include "stateward/kms.h"
#include "stateward/locker.h"
#include "stateward/observer.h"
#include "stateward/secret_guard.h"
#include "stateward/storage.h"

namespace stateward {

// Whose lock it is: operations have IDs of their own (IsOperationLockId).
enum class LockFor : uint8_t { kClient, kOperation };

class StateService {
 public:
  // `untouched`: of the original's blobs, where people got new identities; else nullptr.
  StateService(Storage& storage, Locker& locker, Kms& kms, StoreGate& gate, const Clock& clock,
               Observer& observer, const Log& log, const StateRules& rules,
               SecretGuard* secrets = nullptr,  // who slows down guessers of secrets; or nobody
               Untouched* untouched = nullptr);
  ~StateService();

  // Before a body is gathered: what any verb would refuse whatever the body is.
  Status Admit(const Grant& grant);
  // For a token that has expired (grant.expired), before anything else: state/lock_rights.h.
  Status CheckGrace(const Grant& grant, Verb verb);
  StateAnswer Get(const Grant& grant);
  // The newest version with this serial, as Get; kNotFound also when no version has it.
  StateAnswer GetSerial(const Grant& grant, uint64_t serial);
  // All root outputs as one object, or the value of one (document/outputs.h).
  StateAnswer Outputs(const Grant& grant, const std::optional<std::string>& name);
  // All root outputs as a state document of their own.
  StateAnswer OutputsState(const Grant& grant);
  // lock_id: of the client's lock; "" = none. note: as VersionInfo::note. An operation's lock is
  // for its own writes alone.
  StateAnswer Put(const Grant& grant, const std::string& lock_id, const SentDocument& document,
                  const std::string& note = "", LockFor whom = LockFor::kClient);
  StateAnswer Put(const Grant& grant, const std::string& lock_id, ByteView document,
                  const std::string& note = "", LockFor whom = LockFor::kClient) {
    return Put(grant, lock_id, LookAtDocument(document), note, whom);
  }
  // Keeps the document as an upload that was refused, and writes nothing; its name.
  // kInvalidArgument: it is no document.
  Result<std::string> KeepAlone(const Grant& grant, const std::string& lock_id,
                                const SentDocument& document);
  StateAnswer Delete(const Grant& grant, const std::string& lock_id, const std::string& note = "",
                     LockFor whom = LockFor::kClient);
  // The state of a namespace is identified users' from here on, where it was put before. As Delete.
  StateAnswer GiveToIdentified(const Grant& grant, const std::string& lock_id);
  // kConflict: a namespace's state holds the name, and what to do. Else as the backends.
  Status CheckName(const Grant& grant);
  // Claims the state's name before records are put there in another way than by Put.
  Status ClaimName(const Grant& grant);
  StateAnswer Lock(const Grant& grant, ByteView body, LockFor whom = LockFor::kClient);
  // Whether this lock is held (no ID: any): for who may go on where others may not begin.
  bool HasLock(const Grant& grant, const std::string& lock_id);
  // The ID is taken from the body's LockInfo or from query_id; neither = force. A client's of an
  // operation's lock is as UnlockByForce.
  StateAnswer Unlock(const Grant& grant, ByteView body, const std::string& query_id,
                     LockFor whom = LockFor::kClient);
  // Of a run that may be gone: once it is released, the next LOCK takes a number away, no matter
  // who held the lock, also one of the caller's own. No ID: whatever is held.
  StateAnswer UnlockByForce(const Grant& grant, const std::string& lock_id);

 private:
  std::string Standby() const { return StandbySentence(rules_.read_only_since_ms); }
  StateAnswer MayLag(StateAnswer answer) const;
  StateAnswer FromNewest(const Grant& grant,
                         const std::function<Result<SecretBytes>(ByteView, bool)>& take);
  Result<std::shared_ptr<const StoreIdentity>> Open(const Grant& grant, const StateId& id);
  Result<SecretBytes> ReadNewest(const Grant& grant, const StateId& id, const std::string& store_id,
                                 bool* deleted, std::string* moved_to, StateAnswer* answer);
  StateAnswer Absent(const StateKey& key, const std::string& store_id, bool deleted, Status status);
  bool IsHeld(const HeldName& held, StateAnswer* answer) const;
  StateAnswer Write(const WriteRequest& request);
  StateAnswer WriteOnce(const WriteRequest& request);
  // Asks the store itself whether it is still the one that is served. kUnavailable: it is not.
  Status StillServed();
  Status WriteUnderLock(const std::string& store_id, const WriteRequest& request,
                        WriteOutcome* outcome);
  StateAnswer KeepRefused(const WriteRequest& request, const std::string& store_id,
                          StateAnswer answer, bool moved = false);
  Result<std::string> Keep(const WriteRequest& request, const std::string& store_id);
  Result<uint64_t> BaseOfLock(const Grant& grant, const StateId& id, const std::string& store_id,
                              const std::string& lock_id, const BaseAsk& ask,
                              std::string* moved_to);
  Result<uint64_t> HeadOfLock(const History& history, const StateId& id, std::string* moved_to);
  Status CheckMarkOf(const StateId& id, uint64_t mark, uint64_t head);
  Result<AcquireOutcome> Acquire(const Grant& grant, const LockRecord& want, const BaseFn& base,
                                 Gate* shut);
  Result<std::string> WhyShut(const StateKey& key);
  StateAnswer UnlockFree(const Grant& grant, Result<ReleaseOutcome> outcome);
  StateAnswer UnlockNoLock(const Grant& grant, ByteView body, Status bad_id);
  StateAnswer ForceUnlock(const Grant& grant);
  StateAnswer FreeOwnPlans(const Grant& grant, const LockKey& key, ReleaseRequest request);
  StateAnswer UnlockById(const Grant& grant, ReleaseRequest request);
  Result<ReleaseOutcome> ReleaseById(const Grant& grant, ReleaseRequest request);
  StateAnswer AfterRelease(Result<ReleaseOutcome> outcome);

  Storage& storage_;
  Locker& locker_;
  Kms& kms_;
  StoreGate& gate_;
  const Clock& clock_;
  Observer& observer_;
  const Log& log_;
  const StateRules rules_;
  UploadKeeper keeper_;
  TenantGate tenants_;
  HeldNames held_;
  KnownGates gates_;
  HeadHints not_moved_;  // the newest record of a state that was seen not to send to another
};

}  // namespace stateward

#endif  // STATEWARD_STATE_STATE_SERVICE_H_
