#include "state/lock_rights.h"

#include <utility>

namespace stateward {
namespace {

bool IsOwn(const Grant& grant, const LockRecord& holder) {
  if (!IsHeldBy(holder, grant.principal)) return false;
  return !grant.expired || holder.token_sha256 == grant.token_sha256;
}

}  // namespace

LockKey LockKeyOf(const Grant& grant, bool legacy_read) {
  StateId id = StateId::Of(grant.key);
  return legacy_read ? LockKey(std::move(id), grant.legacy_ids) : LockKey(std::move(id));
}

void AskForPlan(const PlanLocks& plan_locks, LockRecord* want) {
  if (!plan_locks.shared) return;
  want->shared = want->plan_only || want->operation == kPlanOperation;
  if (!want->shared) want->hold_plans_ms = static_cast<int64_t>(plan_locks.writer_wait_s) * 1000;
}

bool MayForce(const Grant& grant, const LockRecord& holder) {
  if (grant.expired) return false;
  if (grant.rights.Has(Right::kForce) || IsOwn(grant, holder)) return true;
  return grant.rights.Has(Right::kWrite) && holder.plan_only;
}

bool MayRelease(const Grant& grant, const LockRecord& holder, bool force_enabled) {
  if (!grant.rights.Has(Right::kLock) && !grant.rights.Has(Right::kForce)) return false;
  return IsOwn(grant, holder) || (force_enabled && MayForce(grant, holder));
}

bool MayUse(const Grant& grant, const LockRecord& holder) {
  return IsOwn(grant, holder) || (grant.rights.Has(Right::kAdminister) && !grant.expired);
}

Status CheckGrace(Locker& locker, const LockKey& key, const Grant& grant, Verb verb) {
  Status refused(Code::kUnauthenticated, "the token has expired, and holds no lock here");
  bool reads = verb == Verb::kRead;
  bool ends = verb == Verb::kWrite || verb == Verb::kUnlock;
  if (grant.token_sha256.empty() || !(reads || ends)) return refused;
  Result<LockView> view = locker.Look(key);
  if (!view.ok()) return std::move(view).status();
  if (view->holder && !view->holder->principal.empty() && IsOwn(grant, *view->holder)) {
    return Status();
  }
  for (const LockRecord& plan : view->plans) {
    if (IsOwn(grant, plan)) return Status();
  }
  if (!ends) return refused;
  Result<bool> released = locker.TokenReleased(key.id, grant.token_sha256);
  if (!released.ok()) return std::move(released).status();
  return *released ? Status() : refused;
}

}  // namespace stateward
