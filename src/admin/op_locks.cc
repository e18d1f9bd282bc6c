// The locks that are held, and the way to release one whose run is gone.
#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "admin/columns.h"
#include "admin/find_state.h"
#include "admin/gate_of.h"
#include "admin/run.h"
#include "admin/summaries.h"
#include "base/state_name.h"
#include "state/lock_info.h"
#include "state/lock_rights.h"

namespace stateward {
namespace {

struct HeldLock {
  StateId id;
  Result<LockRecord> holder;
};

Result<std::vector<HeldLock>> AllHeld(Locker& locker) {
  std::vector<HeldLock> held;
  STATEWARD_RETURN_IF_ERROR(
      locker.EachHeld([&held](const StateId& id, const Result<LockRecord>& holder) {
        held.push_back({id, holder});
        return true;
      }));
  return held;
}

// By the state's id; without those that have no record that says it.
using Names = std::map<std::string, StateKey>;

Result<Names> NamesOf(const History& history, const std::vector<HeldLock>& locks) {
  std::vector<Records::End> ends;
  for (const HeldLock& lock : locks) ends.push_back({lock.id, 0, 0, ""});
  Names names;
  const auto take = [&names](StateSummary&& state) {
    if (!state.key.project.empty()) names[state.id.hex()] = std::move(state.key);
  };
  STATEWARD_RETURN_IF_ERROR(EachSummary(history, ends, take));
  return names;
}

// A lock whose state cannot be told is for those who see the whole store.
bool MaySee(const Call& call, const std::optional<StateKey>& key) {
  if (!key) return call.caller.on_store.Has(Right::kSee);
  if (call.caller.tenant && key->tenant != *call.caller.tenant) return false;
  return call.caller.Sees(*key);
}

// For the list and for `unlock`, as the server's verbs would decide. A state that was never written
// has no record that says its name; who knows it may free its lock by the right for the whole
// store.
bool MayFree(const Call& call, const std::optional<StateKey>& key, const LockRecord& holder) {
  const bool force = call.service.rules().force_unlock_enabled;
  if (!key) return force && call.caller.on_store.Has(Right::kForce);
  return MayRelease(GrantOf(call.caller, *key), holder, force);
}

Row LockRow(const Call& call, const std::optional<StateKey>& key, const HeldLock& lock) {
  Row row = NameRow(key);
  if (!lock.holder.ok()) {
    row.resize(10);
    row.push_back(lock.id.hex());
    row.push_back(lock.holder.status().detail());
    row.resize(std::size(kLocksColumns));
    return row;
  }
  const LockRecord& holder = *lock.holder;
  const LockClient client = ReadLockClient(holder.info);
  row.insert(row.end(),
             {Value(holder.id), TextOrNull(holder.principal), TimeOrNull(holder.time_ms),
              TextOrNull(holder.operation), TextOrNull(client.who), TextOrNull(client.version),
              TextOrNull(client.info), Value(holder.plan_only), Value(lock.id.hex()), Value(),
              Value(MayFree(call, key, holder)), TimeOrNull(client.token_ends_s * 1000)});
  return row;
}

// The oldest first; those that cannot be read before all others.
int64_t TimeOf(const HeldLock& lock) { return lock.holder.ok() ? lock.holder->time_ms : -1; }

Status NotAllowed(const FoundState& state, const std::string& why) {
  return {Code::kPermissionDenied,
          "your role does not allow this with " + StateText(state.key) + why};
}

Status CheckMayFree(const Call& call, const FoundState& state, const LockRecord& holder) {
  if (MayFree(call, state.key, holder)) return Status();
  return NotAllowed(state, ": " + HolderInWords(holder));
}

// kConflict: it is not the lock that was meant.
Status CheckMeant(const Call& call, const LockRecord& holder) {
  const std::string& id = call.args.Text("id");
  if (id.empty() && !call.args.Flag("yes")) {
    return {Code::kConflict,
            HolderInWords(holder) + "; to release it, name the lock with --id, or give --yes"};
  }
  if (!id.empty() && id != holder.id) {
    return {Code::kConflict, "another lock: " + HolderInWords(holder)};
  }
  return Status();
}

// One of several plans, or all that one may free.
Status CheckPlansMeant(const Call& call, const std::vector<LockRecord>& plans) {
  const std::string& id = call.args.Text("id");
  if (id.empty() && call.args.Flag("yes")) return Status();
  if (FindPlan(plans, id) != nullptr) return Status();
  return {Code::kConflict,
          "plans hold it: " + PlanFacts(plans) + "; name one with --id, or give --yes for all"};
}

Reply PlansUnlocked(const FoundState& state, const std::vector<LockRecord>& freed,
                    const Value& gate) {
  Reply reply;
  for (const LockRecord& plan : freed) {
    Row row = NameRow(state.key);
    row.insert(row.end(), {Value(true), Value(plan.id), TextOrNull(plan.principal),
                           TimeOrNull(plan.time_ms), gate});
    reply.rows.push_back(std::move(row));
  }
  return reply;
}

// `released`: nullopt when nothing was.
Reply Unlocked(const FoundState& state, const std::optional<LockRecord>& released, Value gate) {
  Reply reply;
  Row row = NameRow(state.key);
  row.emplace_back(released.has_value());
  if (released) {
    row.insert(row.end(), {Value(released->id), TextOrNull(released->principal),
                           TimeOrNull(released->time_ms)});
  } else {
    row.resize(6);
    reply.note = "it was not locked";
  }
  row.push_back(std::move(gate));
  reply.rows.push_back(std::move(row));
  return reply;
}

// Which lock is meant, of those that hold the state: its ID; "" = all plans.
Result<std::string> LockMeant(const Call& call, const FoundState& state, const LockView& view) {
  if (!view.plans.empty()) {
    STATEWARD_RETURN_IF_ERROR(CheckPlansMeant(call, view.plans));
    const std::string& id = call.args.Text("id");
    const LockRecord* plan = FindPlan(view.plans, id);
    if (plan != nullptr) STATEWARD_RETURN_IF_ERROR(CheckMayFree(call, state, *plan));
    return id;
  }
  STATEWARD_RETURN_IF_ERROR(CheckMayFree(call, state, *view.holder));
  STATEWARD_RETURN_IF_ERROR(CheckMeant(call, *view.holder));
  return view.holder->id;
}

}  // namespace

Result<Reply> RunLocks(const Call& call) {
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  Result<std::vector<HeldLock>> held = AllHeld(call.service.locker());
  if (!held.ok()) return std::move(held).status();
  if (call.args.Has("older")) {
    const int64_t oldest = call.service.clock().NowMs() - call.args.AgeMs("older");
    const auto newer = [oldest](const HeldLock& lock) { return TimeOf(lock) > oldest; };
    held->erase(std::remove_if(held->begin(), held->end(), newer), held->end());
  }
  std::sort(held->begin(), held->end(),
            [](const HeldLock& a, const HeldLock& b) { return TimeOf(a) < TimeOf(b); });
  Result<Names> names = NamesOf(*history, *held);
  if (!names.ok()) return std::move(names).status();
  Reply reply;
  for (const HeldLock& lock : *held) {
    auto named = names->find(lock.id.hex());
    const auto key = named == names->end() ? std::nullopt : std::optional(named->second);
    if (!MaySee(call, key)) continue;
    if (!lock.holder.ok()) reply.verdict = Verdict::kFoundWrong;
    reply.rows.push_back(LockRow(call, key, lock));
  }
  return reply;
}

// The lock that was looked at is the one that is released: by its ID. So is the one that is named,
// where the locks cannot be looked at.
Result<Reply> RunUnlock(const Call& call) {
  Result<FoundState> state = FindState(call, RecordsGone::kSeen, Announced::kLater);
  if (!state.ok()) return std::move(state).status();
  const Rights rights = state->grant.rights;
  if (!rights.Has(Right::kLock) && !rights.Has(Right::kForce)) return NotAllowed(*state, "");
  Value gate = GateOf(call, state->key);
  const LockKey key = LockKeyOf(state->grant, call.service.rules().write.legacy_read);
  Result<LockView> view = call.service.locker().Look(key);
  std::string id = call.args.Text("id");
  if (view.ok()) {
    if (!view->holder && view->plans.empty()) {
      Reply none = Unlocked(*state, std::nullopt, std::move(gate));
      none.note += UnseenLocks(call, *state).note;
      return none;
    }
    Result<std::string> meant = LockMeant(call, *state, *view);
    if (!meant.ok()) return std::move(meant).status();
    id = *std::move(meant);
  } else if (id.empty() && !call.args.Flag("yes")) {
    return std::move(view).status();
  }
  if (!id.empty()) call.audit.lock_id = id;
  STATEWARD_RETURN_IF_ERROR(AnnounceWith(call, &state->grant));
  // Without an ID: plans, or a record that cannot be read, which is freed by force alone.
  const StateAnswer answer = call.service.states().UnlockByForce(state->grant, id);
  if (!answer.status.ok()) {
    return Status(answer.status.code(), answer.hint.empty() ? answer.status.detail() : answer.hint);
  }
  if (!answer.lock_id.empty()) call.audit.lock_id = answer.lock_id;
  // Whoever held it, the caller too: its run did not free it.
  if (answer.released) call.audit.action = "force unlock";
  if (!answer.freed.empty()) return PlansUnlocked(*state, answer.freed, gate);
  return Unlocked(*state, answer.released, std::move(gate));
}

}  // namespace stateward
