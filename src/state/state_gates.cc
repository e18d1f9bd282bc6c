// Locks and gates: a lock is taken by the gates that are stored, whatever is known of them here.
#include <utility>
#include <variant>

#include "state/lock_rights.h"
#include "state/never_absent.h"
#include "state/state_service.h"

namespace stateward {
namespace {

// Each further one is one change of the gates that came between.
constexpr int kGateTries = 8;

}  // namespace

// Of Shut: *shut says by which gate.
Result<AcquireOutcome> StateService::Acquire(const Grant& grant, const LockRecord& want,
                                             const BaseFn& base, Gate* shut) {
  const LockKey key = LockKeyOf(grant, rules_.write.legacy_read);
  for (int tries = 0; tries < kGateTries; ++tries) {
    LockTerms terms(base, gates_.TicketFor(grant.key));
    terms.known = not_moved_.Get(key.id);
    terms.seen = storage_.SeenHead(key.id);
    Result<AcquireOutcome> outcome = locker_.Acquire(key, want, terms);
    if (!outcome.ok()) return outcome;
    if (auto* changed = std::get_if<GatesChanged>(&*outcome)) {
      gates_.Learn(std::move(changed->now));
      continue;
    }
    if (!std::holds_alternative<Shut>(*outcome)) return outcome;
    std::optional<Gate> why = gates_.WhyShut(grant.key);
    if (!why) continue;
    *shut = *std::move(why);
    return outcome;
  }
  return Status::Unavailable("the gates changed again and again");
}

// The sentence of the gate that is shut now; "" = no gate is shut.
Result<std::string> StateService::WhyShut(const StateKey& key) {
  Result<GateSet> set = locker_.ReadGates();
  if (!set.ok()) return NeverAbsent(std::move(set).status());
  const Gate* gate = ShutGate(*set, key, set->now_ms);
  return gate == nullptr ? std::string() : GateSentence(*gate, set->now_ms);
}

// An UNLOCK without an ID: where it met no lock, it may have been meant for what refused a LOCK.
StateAnswer StateService::UnlockFree(const Grant& grant, Result<ReleaseOutcome> outcome) {
  if (!outcome.ok() || !std::holds_alternative<NotHeld>(*outcome)) {
    return AfterRelease(std::move(outcome));
  }
  Result<std::string> why = WhyShut(grant.key);
  if (!why.ok()) return ErrorAnswer(std::move(why).status());
  return why->empty() ? StateAnswer() : RefusalAnswer(Refusal::kGateIsNoLock, *why);
}

// A replica may lag: what is not there may be at the primary.
StateAnswer StateService::MayLag(StateAnswer answer) const {
  if (rules_.read_only) answer.status = NeverAbsent(std::move(answer.status));
  return answer;
}

bool StateService::HasLock(const Grant& grant, const std::string& lock_id) {
  Result<LockView> view = locker_.Look(LockKeyOf(grant, rules_.write.legacy_read));
  if (!view.ok()) return false;
  if (lock_id.empty()) return view->holder || !view->plans.empty();
  return (view->holder && view->holder->id == lock_id) || FindPlan(view->plans, lock_id) != nullptr;
}

}  // namespace stateward
