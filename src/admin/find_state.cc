#include "admin/find_state.h"

#include <optional>
#include <utility>
#include <vector>

#include "auth/policy_auth.h"
#include "base/counted.h"
#include "base/state_name.h"
#include "history/forwarding.h"
#include "history/name_of.h"
#include "state/lock_rights.h"
#include "state/records_gone.h"
#include "state/tenant_index.h"

namespace stateward {
namespace {

Status NoSuchState(const StateKey& key) {
  return Status::NotFound("there is no state " + StateText(key));
}

bool HasRecord(const Newest& newest) {
  return newest.head > 0 || !newest.unreadable.ok() || newest.version.has_value();
}

// A state whose first write is still to come is there when it is locked. Says what is gone of it.
Result<bool> IsThere(const Call& call, FoundState* found) {
  const bool records = HasRecord(found->newest);
  Result<LockView> view =
      call.service.locker().Look(LockKeyOf(found->grant, call.service.rules().write.legacy_read));
  if (!view.ok()) return records ? Result<bool>(true) : std::move(view).status();
  found->gone = CheckMarkAgain(view->mark, call.service.storage(), found->id, found->newest.head);
  if (!found->gone.ok() && !found->gone.unreadable()) return found->gone;
  return records || !found->gone.ok() || view->holder.has_value() || !view->plans.empty();
}

// The namespaces' states of one project and name.
class Namespaces {
 public:
  Namespaces(const History& history, const StateKey& key, const std::string& begins)
      : history_(history), key_(key), begins_(begins) {}

  // Those that the store's index knows.
  Status AddNamed() {
    TenantIndex index(history_.claims());
    return index.EachOfName(key_, [this](const StateId& id) -> Result<bool> {
      STATEWARD_RETURN_IF_ERROR(Add(id));
      return true;
    });
  }
  // All states are looked at: a name that was dropped is not in the index.
  Status AddAll() {
    Status added;
    STATEWARD_RETURN_IF_ERROR(history_.records().List([&](const StateId& id) {
      added = Add(id);
      return added.ok();
    }));
    return added;
  }

  const std::vector<StateKey>& found() const { return found_; }

 private:
  Status Add(const StateId& id) {
    Result<std::optional<StateKey>> key = NameOf(history_, id);
    if (!key.ok()) return std::move(key).status();
    if (!key->has_value()) return Status();
    const StateKey& is = **key;
    const bool fits = is.project == key_.project && is.name == key_.name && !is.tenant.empty() &&
                      is.tenant.compare(0, begins_.size(), begins_) == 0;
    if (fits) found_.push_back(is);
    return Status();
  }

  const History& history_;
  const StateKey& key_;
  const std::string& begins_;
  std::vector<StateKey> found_;
};

// Which namespace an administrator at the store means. Identified users' state comes first.
Result<StateKey> ChooseNamespace(const Call& call, const History& history, const StateKey& key) {
  const std::string& begins = call.args.Text("namespace");
  if (begins.empty()) {
    Result<Newest> newest = LoadNewest(history, GrantOf(call.caller, key), StateId::Of(key),
                                       call.service.rules().write.legacy_read);
    if (!newest.ok()) return std::move(newest).status();
    if (HasRecord(*newest)) return key;
  }
  Namespaces all(history, key, begins);
  STATEWARD_RETURN_IF_ERROR(all.AddNamed());
  if (!begins.empty() && all.found().empty()) STATEWARD_RETURN_IF_ERROR(all.AddAll());
  if (all.found().empty()) return begins.empty() ? Result<StateKey>(key) : NoSuchState(key);
  if (all.found().size() == 1) return all.found().front();
  std::string list;
  for (const StateKey& one : all.found()) list += " " + ShortNamespace(one.tenant);
  return Status(Code::kConflict, "several namespaces have a state " + StateText(key) +
                                     "; choose one with --namespace:" + list);
}

}  // namespace

Result<FoundState> FindState(const Call& call, RecordsGone gone, Announced announced) {
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  FoundState found;
  found.key = call.args.State();
  if (call.caller.tenant) {
    found.key.tenant = *call.caller.tenant;
  } else {
    Result<StateKey> chosen = ChooseNamespace(call, *history, found.key);
    if (!chosen.ok()) return std::move(chosen).status();
    found.key = *std::move(chosen);
  }
  const Rights rights = call.caller.On(found.key);
  const bool sees = rights.Has(Right::kSee);
  // For a caller that may not see it, one is looked at that can never be there: an answer takes as
  // long and costs the same whether the hidden state exists or not.
  const StateKey looked = sees ? found.key : StateKey();
  found.id = StateId::Of(looked);
  found.grant = GrantOf(call.caller, looked);
  Result<Newest> newest =
      LoadNewest(*history, found.grant, found.id, call.service.rules().write.legacy_read);
  if (!newest.ok()) return std::move(newest).status();
  found.newest = *std::move(newest);
  Result<bool> there = IsThere(call, &found);
  if (!there.ok()) return std::move(there).status();
  if (!sees || !*there) return NoSuchState(found.key);
  if (!rights.Contains(call.operation.needs)) {
    return Status(Code::kPermissionDenied,
                  "your role does not allow this with " + StateText(found.key));
  }
  NoteState(call, found.key);
  if (gone == RecordsGone::kRefused && !found.gone.ok()) {
    return Status(found.gone.code(), StateText(found.key) + ": " + found.gone.detail());
  }
  NoteNewest(call, found.newest);
  STATEWARD_RETURN_IF_ERROR(CheckNotForwarded(call, found));
  if (announced == Announced::kHere) STATEWARD_RETURN_IF_ERROR(AnnounceWith(call, &found.grant));
  return found;
}

Status AnnounceWith(const Call& call, Grant* grant) {
  STATEWARD_RETURN_IF_ERROR(Announce(call));
  grant->audit = call.caller.audit;
  return Status();
}

UnseenLock UnseenLocks(const Call& call, const FoundState& state) {
  const bool seen = state.key.tenant.empty() || !state.grant.legacy_ids.empty();
  if (seen || !call.service.rules().write.legacy_read) return {};
  const Result<uint64_t> count = call.service.locker().CountLegacy();
  if (!count.ok()) {
    UnseenLock unknown;
    unknown.note = "; whether terraform-backend holds a lock of it could not be looked up: " +
                   count.status().detail();
    // Whoever gives the right to use the locks and not the one to list them knows of it; else an
    // outage is no reason to pass over a lock.
    if (count.status().code() != Code::kPermissionDenied) unknown.looked_up = count.status();
    return unknown;
  }
  if (*count == 0) return {};
  return {true, Status(),
          "; terraform-backend holds " + Counted(*count, "lock") +
              " here, and whether one is of this state cannot be told without its secret"};
}

Status CheckUnseenLocks(const Call& call, const FoundState& state, std::string* note) {
  const UnseenLock unseen = UnseenLocks(call, state);
  if (!unseen.looked_up.ok()) {
    return Status(unseen.looked_up.code(), StateText(state.key) + " was not changed" + unseen.note);
  }
  if (unseen.held) {
    return {Code::kConflict,
            StateText(state.key) + " was not changed" + unseen.note +
                ": give this to the server with the secret (`statewardctl --server`), or repeat it "
                "when the runs of terraform-backend have ended"};
  }
  if (!unseen.note.empty()) *note += (note->empty() ? "" : " ") + unseen.note.substr(2);
  return Status();
}

Status CheckNotForwarded(const Call& call, const FoundState& state) {
  const Newest& newest = state.newest;
  const bool forwards =
      newest.version && newest.unreadable.ok() && newest.version->info.kind == RecordKind::kMoved;
  if (!forwards) return Status();
  const std::string& to = newest.version->info.moved_to;
  const Rights& needs = call.operation.needs;
  const bool reads = needs.Has(Right::kRead) && call.operation.effect == Effect::kReads;
  if (WasAdopted(state.key, to)) {
    const bool documents = reads || needs.Has(Right::kWrite) || needs.Has(Right::kDelete);
    if (documents) return {Code::kConflict, StateText(state.key) + " " + WhereNow(state.key, to)};
  }
  return reads ? Status::NotFound("the state " + WhereNow(state.key, to)) : Status();
}

void NoteState(const Call& call, const StateKey& key) {
  call.audit.project = key.project;
  call.audit.name = key.name;
  call.audit.tenant = key.tenant;
  call.audit.identity = call.caller.IdentityFor(key);
}

void NoteNewest(const Call& call, const Newest& newest) {
  if (!newest.version || newest.version->legacy || !newest.unreadable.ok()) return;
  call.audit.facts.before = {newest.real, newest.version->info.serial};
  call.audit.facts.after = call.audit.facts.before;
}

Grant GrantOf(const Caller& caller, const StateKey& key) {
  const Rights rights = caller.On(key);
  Grant grant = IdentifiedGrant(key, {rights, rights.Has(Right::kRead), {}});
  grant.key = key;
  // Those are of the name without a namespace; a namespace's own need its secret.
  if (!key.tenant.empty()) grant.legacy_ids.clear();
  grant.principal = caller.principal;
  grant.address = caller.address;
  grant.identity = caller.IdentityFor(key);
  grant.audit = caller.audit;
  if (caller.complete) caller.complete(&grant);
  return grant;
}

Row NameRow(const std::optional<StateKey>& key) {
  if (!key) return Row(2);
  return {StateText(*key), TextOrNull(ShortNamespace(key->tenant))};
}

}  // namespace stateward
