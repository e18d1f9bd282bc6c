#include "state/refusal.h"

#include "base/counted.h"
#include "history/forwarding.h"
#include "state/lock_info.h"

namespace stateward {
namespace {

// A lineage is a UUID; a longer text of somebody's own making needs no more room than that.
// The facts go into one line of an answer.
constexpr size_t kShownPlans = 5;
constexpr size_t kShownLineage = 64;

constexpr RefusalText kTexts[kRefusals] = {
    {Refusal::kNone, Code::kOk, "", ""},
    {Refusal::kExpiredToken, Code::kConflict,
     "the token has expired, and it writes only under its lock",
     "log in again; then push with `tofu state push`"},
    {Refusal::kLockNeeded, Code::kConflict, "writes without a lock are switched off here",
     "set lock_address and unlock_address in the backend's configuration and do not use "
     "-lock=false"},
    {Refusal::kLocked, Code::kConflict, "the state is locked, and this write names no lock",
     "wait for the holder, or free the lock with `tofu force-unlock` if its run is gone"},
    {Refusal::kLockNotHeld, Code::kConflict,
     "the lock with this ID is not held (any more): it was released, perhaps by force",
     "look at what is stored now; then take the lock again: plan and apply again, or push with "
     "`tofu state push`"},
    {Refusal::kOtherLock, Code::kConflict, "another lock is held",
     "wait for its holder; then plan and apply again, or push with `tofu state push`"},
    {Refusal::kPlansHold, Code::kConflict,
     "plans hold the state's lock, and this write holds no lock that allows it",
     "wait for the plans, and take the lock: plan and apply again with -lock-timeout"},
    {Refusal::kPlanLock, Code::kConflict,
     "the lock with this ID is a plan's: it allows to read and not to write",
     "take the lock for a write: apply again with -lock-timeout, or push with `tofu state push`"},
    {Refusal::kLockOfOther, Code::kPermissionDenied, "the lock belongs to another principal",
     "write with the credentials that took the lock, or take a lock of your own"},
    {Refusal::kOperationsLock, Code::kConflict,
     "an ID that begins with \"change-\" is one of the server's own operations, and no client "
     "writes with it",
     "take a lock of your own: plan and apply again, or push with `tofu state push`"},
    {Refusal::kOtherSession, Code::kConflict,
     "somebody else wrote to the state after this lock was taken",
     "look at what is stored now; then plan and apply again, or push with `tofu state push`"},
    {Refusal::kOtherWrite, Code::kConflict, "another write came first",
     "look at what is stored now; then plan and apply again, or push with `tofu state push`"},
    {Refusal::kOtherLineage, Code::kConflict, "a state of another lineage is stored",
     "see whether this is the right address; to replace what is stored, set lock_address and "
     "unlock_address and push with `tofu state push -force`"},
    {Refusal::kSerialNotLarger, Code::kConflict, "this serial or a later one is stored already",
     "look at what is stored now; then plan and apply again; to replace what is stored, set "
     "lock_address and unlock_address and push with `tofu state push -force`"},
    {Refusal::kDeleted, Code::kConflict, "the state was deleted at this serial or a later one",
     "to bring it back, set lock_address and unlock_address and push the file with `tofu state "
     "push`"},
    {Refusal::kMoved, Code::kConflict, "this state has another address now",
     "set the new address in the backend's configuration and run `tofu init -reconfigure`"},
    {Refusal::kAdopted, Code::kConflict, "this state was given to identified users",
     "log in as one of them; the address stays as it is"},
    {Refusal::kNameTakenOver, Code::kConflict,
     "terraform-backend's state of this id was taken over under another name",
     "ask the administrator which name it has now"},
    {Refusal::kNameShared, Code::kConflict,
     "terraform-backend's state of this id is not taken over yet, and another name has the same id",
     "ask the administrator: `statewardctl adopt --all` gives it to the name that stands in "
     "--names"},
    {Refusal::kShutGate, Code::kConflict, "nothing is written here now without a lock",
     "wait for the end of the maintenance, or ask an administrator; then plan and apply again, or "
     "push with `tofu state push`"},
    {Refusal::kOtherLockHeld, Code::kConflict, "another lock is held, and it was not released",
     "nothing is left to do if the lock of this ID is not yours any more"},
    {Refusal::kLaterLockHeld, Code::kConflict,
     "this looks like a repeat of a forced release, and a lock that was taken after it is held",
     "free it by its ID (`tofu force-unlock`), or without it from the time given"},
    {Refusal::kForceNotAllowed, Code::kPermissionDenied, "forced unlock is not allowed here",
     "ask an administrator to free the lock"},
    {Refusal::kForceOfOther, Code::kPermissionDenied, "the lock belongs to another principal",
     "ask its holder or an administrator to free it"},
    {Refusal::kNotThisToken, Code::kUnauthenticated,
     "the token has expired, and the lock was not taken with it", "log in again"},
    {Refusal::kGateIsNoLock, Code::kPermissionDenied,
     "this is no lock that can be released: an administrator keeps locks from being given",
     "wait for its end, or ask an administrator (`statewardctl maintenance end`)"},
    {Refusal::kReleasedLock, Code::kGone, "this lock ID was released already",
     "run the command again: it takes a lock of a new ID"},
    {Refusal::kReadOnly, Code::kConflict, "nothing is changed at this address",
     "use the address of the primary server; docs/standby.md says how a standby takes over"},
};

std::string SerialOf(const VersionInfo& info) {
  return "serial " + std::to_string(info.serial) + ", lineage " +
         info.lineage.substr(0, kShownLineage);
}

}  // namespace

const RefusalText& TextOf(Refusal refusal) { return kTexts[static_cast<size_t>(refusal)]; }

Refusal ForwardedRefusal(const StateKey& key, const std::string& moved_to) {
  return WasAdopted(key, moved_to) ? Refusal::kAdopted : Refusal::kMoved;
}

std::string_view NameOf(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNone:
      return "none";
    case Refusal::kExpiredToken:
      return "expired_token";
    case Refusal::kLockNeeded:
      return "lock_needed";
    case Refusal::kLocked:
    case Refusal::kPlansHold:
      return "locked";
    case Refusal::kLockNotHeld:
      return "lock_not_held";
    case Refusal::kOtherLock:
    case Refusal::kOperationsLock:
    case Refusal::kPlanLock:
      return "other_lock";
    case Refusal::kLockOfOther:
      return "lock_of_other";
    case Refusal::kOtherSession:
      return "other_session";
    case Refusal::kOtherWrite:
      return "other_write";
    case Refusal::kOtherLineage:
      return "other_lineage";
    case Refusal::kSerialNotLarger:
      return "serial_not_larger";
    case Refusal::kDeleted:
      return "deleted";
    case Refusal::kMoved:
      return "moved";
    case Refusal::kAdopted:
      return "adopted";
    case Refusal::kNameTakenOver:
    case Refusal::kNameShared:
      return "name_taken_over";
    case Refusal::kShutGate:
      return "shut_gate";
    case Refusal::kOtherLockHeld:
      return "other_lock_held";
    case Refusal::kLaterLockHeld:
      return "later_lock_held";
    case Refusal::kForceNotAllowed:
      return "force_not_allowed";
    case Refusal::kForceOfOther:
      return "force_of_other";
    case Refusal::kNotThisToken:
      return "not_this_token";
    case Refusal::kGateIsNoLock:
      return "gate_is_no_lock";
    case Refusal::kReleasedLock:
      return "released_lock";
    case Refusal::kReadOnly:
      return "read_only";
  }
  return "other";
}

std::string HolderFacts(const LockRecord& holder) {
  std::string facts = "held by " + (holder.principal.empty() ? "somebody" : holder.principal);
  if (holder.time_ms > 0) facts += " since " + FormatTime(holder.time_ms);
  return facts + " with the lock ID " + holder.id;
}

std::string PlanFacts(const std::vector<LockRecord>& plans) {
  std::string facts;
  for (size_t i = 0; i < plans.size() && i < kShownPlans; ++i) {
    facts += (i == 0 ? "" : "; ") + HolderFacts(plans[i]);
  }
  if (plans.size() <= kShownPlans) return facts;
  return facts + "; and " + Counted(plans.size() - kShownPlans, "more plan");
}

std::string SerialFacts(const VersionInfo& stored, const VersionInfo& sent) {
  return "stored: " + SerialOf(stored) + "; sent: " + SerialOf(sent);
}

std::string StandbySentence(int64_t since_ms) {
  std::string text = "read-only standby";
  if (since_ms != 0) text += " since " + FormatTime(since_ms);
  return text;
}

std::string Explain(Refusal refusal, const std::string& facts) {
  std::string line(TextOf(refusal).why);
  if (!facts.empty()) line += " (" + facts + ")";
  return line;
}

}  // namespace stateward
