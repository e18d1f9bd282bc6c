// A change of one state under a lock of its own: what a client does with LOCK, POST and UNLOCK, by
// the same guarded write. Every operation that changes a state goes this way.
#ifndef STATEWARD_ADMIN_LOCKED_CHANGE_H_
#define STATEWARD_ADMIN_LOCKED_CHANGE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "admin/find_state.h"
#include "admin/operation.h"
#include "history/history.h"
#include "state/state_service.h"
#include "stateward/result.h"

namespace stateward {

// Of every operation that changes a state.
inline constexpr Param kReasonParam = {"reason",
                                       ParamKind::kText,
                                       ParamUse::kOption,
                                       "TEXT",
                                       "why; it is kept with the new version",
                                       {},
                                       1,
                                       kMaxParamText};
inline constexpr Param kIfVersionParam = {"if-version", ParamKind::kNumber, ParamUse::kOption, "N",
                                          "refuse when the newest version is another one by now"};
inline constexpr Param kChangeIdParam = {
    "change-id",
    ParamKind::kText,
    ParamUse::kOption,
    "ID",
    "a name for this change, for one day: a repeat with the same ID changes nothing and answers as "
    "the first did; another change with it is refused",
    {},
    8,
    64};

// A lock that an operation takes for itself, as a client takes one.
class ChangeLock {
 public:
  // `seed`: the same for a killed run and its repeat. A lock that a killed run left is taken over.
  // Its ID is the first of a row, the same for both, that was not released lately.
  ChangeLock(const Call& call, const Grant& grant, std::string_view operation,
             const std::string& seed)
      : ChangeLock(call, grant, operation, seed, "") {}
  // By an ID that the caller chose. Another change with the same ID, or another caller's, has
  // another lock.
  static ChangeLock Named(const Call& call, const Grant& grant, std::string_view operation,
                          const std::string& id);

  // OK also when another holds it: reply->holder then.
  Status Take(Reply* reply);
  Status Free();
  // What a killed run left. OK with true: it was held, and is free now.
  Result<bool> FreeLeft();
  // Whether a run of the same change may have taken the lock with this ID.
  bool Has(const std::string& id) const;
  // Whether a run of the same change wrote this version: the ID alone does not say so.
  bool Wrote(const VersionInfo& version) const;
  // Whether it has the ID that this caller chose, for whichever change.
  bool IsNamedAs(const std::string& id) const;
  // Another run of the same change took it, and may still be at work.
  bool shared() const { return shared_; }
  // Another run of the same change has ended.
  bool ended() const { return ended_; }
  const std::string& id() const { return id_; }

 private:
  // `name`: the caller's ID; "" = none.
  ChangeLock(const Call& call, const Grant& grant, std::string_view operation,
             const std::string& seed, const std::string& name);
  StateAnswer Lock();
  std::string IdOf(size_t spent) const;

  const Call& call_;
  const Grant& grant_;
  const std::string operation_;
  const std::string seed_;
  const std::string name_;
  bool shared_ = false;
  bool ended_ = false;
  std::string id_;
};

// The version on which a lock with this base was taken: numbers that were taken away lie between
// them. `is_it` knows it by the lock's ID. Pure but for that.
std::optional<uint64_t> VersionBelow(uint64_t base, const std::function<bool(uint64_t)>& is_it);

// The error of one of StateService's answers, in words for the caller.
Status Explained(const StateAnswer& answer);

// What a change works with. The lock is held; `newest` was looked at under it.
struct ChangeUnderLock {
  const History& history;
  const FoundState& state;
  const Newest& newest;
  const std::string& lock_id;
  const std::string& note;
};

// What was written: the record's number, and what it says of itself.
struct Changed {
  uint64_t n = 0;
  VersionInfo info;
};

using ChangeFn = std::function<StateAnswer(const ChangeUnderLock&)>;

// Takes the lock in the name of `operation`, runs `change` and releases the lock. Then: what is the
// newest version now; what another run of the same change wrote, if one did; or reply->holder, when
// the state is locked. A lock that a killed run of the same change left is taken over.
// kConflict: the newest version is not --if-version, or --change-id belongs to another change.
Result<Changed> RunLockedChange(const Call& call, const FoundState& state,
                                std::string_view operation, const ChangeFn& change, Reply* reply);

// The answer with a row of kChangeColumns; or with the holder.
Result<Reply> ChangeReply(const FoundState& state, std::string result, Result<Changed> changed,
                          Reply reply);
Row ChangeRow(const FoundState& state, std::string result, const Changed& changed);

// An error of a change.
StateAnswer ChangeFailed(Status status);

}  // namespace stateward

#endif  // STATEWARD_ADMIN_LOCKED_CHANGE_H_
