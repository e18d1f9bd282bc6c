// Why a state's verbs say no, and what to do about it: one table of all the texts.
//
// Pure. The texts are ours and go to the client; what is added to them (Facts) is of the state that
// the request named, or of the request itself.
#ifndef STATEWARD_STATE_REFUSAL_H_
#define STATEWARD_STATE_REFUSAL_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "stateward/locker.h"
#include "stateward/state.h"
#include "stateward/status.h"

namespace stateward {

enum class Refusal : uint8_t {
  kNone,
  // A write's.
  kExpiredToken,
  kLockNeeded,
  kLocked,
  kLockNotHeld,
  kOtherLock,
  kPlansHold,
  kPlanLock,
  kLockOfOther,
  kOperationsLock,
  kOtherSession,
  kOtherWrite,
  kOtherLineage,
  kSerialNotLarger,
  kDeleted,
  kMoved,
  kAdopted,
  kNameTakenOver,
  kNameShared,
  kShutGate,
  // An UNLOCK's.
  kOtherLockHeld,
  kLaterLockHeld,
  kForceNotAllowed,
  kForceOfOther,
  kNotThisToken,
  kGateIsNoLock,
  // A LOCK's.
  kReleasedLock,
  // Of everything that changes something.
  kReadOnly,
};
inline constexpr int kRefusals = static_cast<int>(Refusal::kReadOnly) + 1;

struct RefusalText {
  Refusal refusal;
  Code code;
  std::string_view why;     // what happened, and why
  std::string_view action;  // what to do
};
const RefusalText& TextOf(Refusal refusal);
// Of a state that ends with a forwarding record.
Refusal ForwardedRefusal(const StateKey& key, const std::string& moved_to);
// For metrics and events: "lock_needed", "other_lineage".
std::string_view NameOf(Refusal refusal);

// "held by ci since 2026-11-26 20:00:00 UTC with the lock ID 5a…": for the end of a `why`.
std::string HolderFacts(const LockRecord& holder);
// The same of several plan locks, the oldest first; more than a few are counted.
std::string PlanFacts(const std::vector<LockRecord>& plans);
// "stored: serial 7, lineage a; sent: serial 6, lineage b".
std::string SerialFacts(const VersionInfo& stored, const VersionInfo& sent);

// "read-only standby since 2026-11-26T20:00:00Z"; 0 = not known since when.
std::string StandbySentence(int64_t since_ms);

// One line for people: why, and the facts if there are any.
std::string Explain(Refusal refusal, const std::string& facts);

}  // namespace stateward

#endif  // STATEWARD_STATE_REFUSAL_H_
