// The state that a call names, and whether its caller may have it.
#ifndef STATEWARD_ADMIN_FIND_STATE_H_
#define STATEWARD_ADMIN_FIND_STATE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "admin/operation.h"
#include "state/newest.h"
#include "stateward/authenticator.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

struct FoundState {
  StateKey key;  // with its namespace
  StateId id;
  Grant grant;    // of the caller, for StateService
  Newest newest;  // what stands at its end; the original's blob too
  Status gone{};  // kCorruption: the newest records are gone
};

// Options that address a state of basic auth; for the table of each operation on one state.
inline constexpr Param kStateParam = {"state", ParamKind::kState, ParamUse::kArgument,
                                      "PROJECT/NAME", "the state"};
inline constexpr Param kNamespaceParam = {
    "namespace",
    ParamKind::kText,
    ParamUse::kOption,
    "NAMESPACE",
    "the namespace of basic auth, or the beginning of its name, where several states have this "
    "address",
    {},
    1,
    64,
    {},
    ParamReach::kCommandLine};

// The state of the parameters `state` and `namespace`. kNotFound: it has no version and never had
// one, or the caller may not see it: text and calls of the backends are the same. A deleted state
// is found. kPermissionDenied: the caller sees it, but lacks what the operation needs.
// kConflict: several namespaces have it; the text lists them. Or as CheckNotForwarded. Else as the
// backends. kCorruption: its newest records are gone, as the lock remembers, and what is left is an
// older version or nothing; with kSeen such a state is found, and `gone` says what is missing.
enum class RecordsGone : uint8_t { kRefused, kSeen };
// A change is announced here (operation.h), or by the caller that has more to ask before.
enum class Announced : uint8_t { kHere, kLater };
Result<FoundState> FindState(const Call& call, RecordsGone gone = RecordsGone::kRefused,
                             Announced announced = Announced::kHere);

// Announce, of a change that is made with this grant.
Status AnnounceWith(const Call& call, Grant* grant);

// terraform-backend's lock of a namespace's state is found by the secret alone, which the command
// line does not have. `held`: there are such locks, and one may be of this state. `looked_up`: not
// OK when it cannot be told whether there are, but for a user who may not look. `note`: about them,
// or why they could not be looked for; begins with "; ". "" = there is nothing to say.
struct UnseenLock {
  bool held = false;
  Status looked_up{};
  std::string note{};
};
UnseenLock UnseenLocks(const Call& call, const FoundState& state);
// Before a change under the state's lock. kConflict: UnseenLock::held; its looked_up. Its note is
// added to *note.
Status CheckUnseenLocks(const Call& call, const FoundState& state, std::string* note);

// Of a state that was given to identified users or has another address: a killed run may have left
// documents of it, and who may use the old name may not use the new one. kConflict, kNotFound: the
// call is about documents.
Status CheckNotForwarded(const Call& call, const FoundState& state);

// For the audit trail: the call is about this state, and by this rule.
void NoteState(const Call& call, const StateKey& key);
// For the audit trail: the newest version that it found is what it read, or what it changes.
void NoteNewest(const Call& call, const Newest& newest);

// The caller as the server's verbs know one. REQUIRES: the caller may do what is asked of them.
Grant GrantOf(const Caller& caller, const StateKey& key);

// The values of kStateColumn and kNamespaceColumn (admin/columns.h); nullopt: it cannot be told
// which state it is.
Row NameRow(const std::optional<StateKey>& key);

}  // namespace stateward

#endif  // STATEWARD_ADMIN_FIND_STATE_H_
