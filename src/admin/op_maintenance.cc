// Maintenance and freeze: of which states no lock is given, until when and why.
#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "admin/find_state.h"
#include "admin/run.h"
#include "base/state_name.h"
#include "state/lock_info.h"

namespace stateward {
namespace {

// Each further one is one other administrator's change that came between.
constexpr int kTries = 8;

Row GateRow(const Gate& gate) {
  return {Value(gate.pattern), TimeOrNull(gate.since_ms), TimeOrNull(gate.until_ms),
          TextOrNull(gate.by), TextOrNull(gate.reason)};
}

void DropEnded(GateSet* set) {
  const auto ended = [set](const Gate& gate) { return !gate.EndsAfter(set->now_ms); };
  set->gates.erase(std::remove_if(set->gates.begin(), set->gates.end(), ended), set->gates.end());
}

bool Remove(GateSet* set, const std::string& pattern, Gate* removed) {
  const auto at = std::find_if(set->gates.begin(), set->gates.end(),
                               [&](const Gate& gate) { return gate.pattern == pattern; });
  if (at == set->gates.end()) return false;
  *removed = std::move(*at);
  set->gates.erase(at);
  return true;
}

// `change` is given the gates that have not ended, and says which one it put in or took out.
template <typename Change>
Result<Reply> ChangeGates(const Call& call, const Change& change) {
  Result<std::string> store = call.service.StoreId();
  if (!store.ok()) return std::move(store).status();
  Locker& locker = call.service.locker();
  for (int tries = 0; tries < kTries; ++tries) {
    Result<GateSet> set = locker.ReadGates();
    if (!set.ok()) return std::move(set).status();
    const std::string tag = set->tag;
    DropEnded(&*set);
    Result<Gate> changed = change(&*set);
    if (!changed.ok()) return std::move(changed).status();
    Result<bool> done = locker.ExchangeGates(tag, set->gates);
    if (!done.ok()) {
      return Status::Unavailable(done.status().detail() +
                                 "; it may be in force or not: repeat the command");
    }
    if (!*done) continue;
    Reply reply;
    reply.rows.push_back(GateRow(*changed));
    return reply;
  }
  return Status(Code::kConflict, "others changed the maintenance again and again; repeat");
}

Status FrozenAlready(const Gate& freeze) {
  return {Code::kConflict, freeze.pattern + " is frozen by " + freeze.by + ": " + freeze.reason +
                               "; a maintenance would end the freeze: end it first (`maintenance "
                               "end " +
                               freeze.pattern + "`), or leave it as it is"};
}

// Who administers some states of the store, and not the whole, shuts only so many at a time: all
// have their places in one table.
constexpr ptrdiff_t kMostOfOne = 16;

// What an administrator of the whole store set stays as it is, and so does what others set.
Status MayShut(const Call& call, const GateSet& set, const std::string& pattern) {
  if (call.caller.on_store.Has(Right::kAdminister)) return Status();
  const auto is_own = [&call](const Gate& gate) { return gate.by == call.caller.principal; };
  for (const Gate& gate : set.gates) {
    if (gate.pattern != pattern || is_own(gate)) continue;
    return {Code::kConflict, "no lock of " + pattern + " is given already, by " + gate.by +
                                 "; an administrator of the whole store may change that"};
  }
  if (std::count_if(set.gates.begin(), set.gates.end(), is_own) < kMostOfOne) return Status();
  return {Code::kConflict, "you have shut " + std::to_string(kMostOfOne) +
                               " states already; ask an administrator of the whole store"};
}

Result<Reply> SetGate(const Call& call, const std::string& pattern, int64_t until_ms) {
  return ChangeGates(call, [&](GateSet* set) -> Result<Gate> {
    Gate gate{pattern, set->now_ms, until_ms, call.caller.principal, call.args.Text("reason")};
    if (!gate.EndsAfter(set->now_ms)) {
      return Status::InvalidArgument("--until is over: it is " + FormatTime(set->now_ms) + " now");
    }
    STATEWARD_RETURN_IF_ERROR(MayShut(call, *set, pattern));
    Gate before;
    if (Remove(set, pattern, &before)) {
      // A freeze lasts until somebody ends it; a maintenance in its place would end by itself.
      if (before.until_ms == 0 && until_ms != 0) return FrozenAlready(before);
      gate.since_ms = before.since_ms;
    }
    if (set->gates.size() >= kMaxGates) {
      return Status(Code::kConflict, "there are " + std::to_string(kMaxGates) +
                                         " already; end one, or use a wider pattern");
    }
    set->gates.push_back(gate);
    return gate;
  });
}

}  // namespace

Result<Reply> RunMaintenanceSet(const Call& call) {
  return SetGate(call, call.args.Text("glob"), call.args.TimeMs("until"));
}

Result<Reply> RunFreeze(const Call& call) {
  Result<FoundState> state = FindState(call, RecordsGone::kSeen, Announced::kLater);
  if (!state.ok()) return std::move(state).status();
  // A gate knows no namespaces: it shuts this address in each of them.
  if (!state->key.tenant.empty() && !call.caller.on_store.Has(Right::kAdminister)) {
    return Status(Code::kPermissionDenied, "only an administrator of the whole store may do this");
  }
  STATEWARD_RETURN_IF_ERROR(Announce(call));
  return SetGate(call, StateText(state->key), 0);
}

Result<Reply> RunMaintenanceEnd(const Call& call) {
  const std::string& pattern = call.args.Text("glob");
  Result<Reply> reply = ChangeGates(call, [&](GateSet* set) -> Result<Gate> {
    Gate gate;
    if (Remove(set, pattern, &gate)) return gate;
    return Status::NotFound("there is no maintenance and no freeze of " + pattern +
                            "; `maintenance list` shows them");
  });
  // The row is as it was: its end lies in the future.
  if (reply.ok()) reply->note = "it is ended: locks are given again";
  return reply;
}

Result<Reply> RunMaintenanceList(const Call& call) {
  Result<std::string> store = call.service.StoreId();
  if (!store.ok()) return std::move(store).status();
  Result<GateSet> set = call.service.locker().ReadGates();
  if (!set.ok()) return std::move(set).status();
  DropEnded(&*set);
  Reply reply;
  for (const Gate& gate : set->gates) reply.rows.push_back(GateRow(gate));
  return reply;
}

}  // namespace stateward
