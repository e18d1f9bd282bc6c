// UNLOCK: by its ID, and by force.
#include <utility>
#include <variant>

#include "state/lock_info.h"
#include "state/lock_rights.h"
#include "state/never_absent.h"
#include "state/state_service.h"

namespace stateward {
namespace {

// A lock ID that no client has: releasing it frees nothing, and makes sure that what is free lasts.
constexpr char kNoLockId[] = "-";

}  // namespace

StateAnswer StateService::Unlock(const Grant& grant, ByteView body, const std::string& query_id,
                                 LockFor whom) {
  if (rules_.read_only) return RefusalAnswer(Refusal::kReadOnly, Standby());
  std::string lock_id = query_id;
  if (!body.empty()) {
    Result<ParsedLockInfo> info = ParseLockInfo(body);
    if (!info.ok()) return UnlockNoLock(grant, body, std::move(info).status());
    if (info->id.empty() || (!query_id.empty() && query_id != info->id)) {
      return ErrorAnswer(Status::InvalidArgument("lock info: no ID, or another than the query's"));
    }
    lock_id = info->id;
  }
  StateId id = StateId::Of(grant.key);
  Result<std::shared_ptr<const StoreIdentity>> store = Open(grant, id);
  if (!store.ok()) return ErrorAnswer(std::move(store).status());
  if (lock_id.empty()) return ForceUnlock(grant);
  ReleaseRequest request{lock_id, grant.principal};
  // The run of an operation may go on writing when a client frees its lock.
  request.forced = whom == LockFor::kClient && IsOperationLockId(lock_id);
  return UnlockById(grant, std::move(request));
}

StateAnswer StateService::UnlockByForce(const Grant& grant, const std::string& lock_id) {
  if (rules_.read_only) return RefusalAnswer(Refusal::kReadOnly, Standby());
  Result<std::shared_ptr<const StoreIdentity>> store = Open(grant, StateId::Of(grant.key));
  if (!store.ok()) return ErrorAnswer(std::move(store).status());
  if (lock_id.empty()) return ForceUnlock(grant);
  ReleaseRequest request{lock_id, grant.principal};
  request.forced = true;
  return UnlockById(grant, std::move(request));
}

// The sentence that a refused LOCK showed is no lock's ID, and there is nothing to release.
StateAnswer StateService::UnlockNoLock(const Grant& grant, ByteView body, Status bad_id) {
  if (bad_id.code() != Code::kInvalidArgument) return ErrorAnswer(std::move(bad_id));
  StateId id = StateId::Of(grant.key);
  Result<std::shared_ptr<const StoreIdentity>> store = Open(grant, id);
  if (!store.ok()) return ErrorAnswer(std::move(store).status());
  if (IsGateSentence(LockIdText(body))) {
    Result<std::string> why = WhyShut(grant.key);
    if (!why.ok()) return ErrorAnswer(std::move(why).status());
    return RefusalAnswer(Refusal::kGateIsNoLock, *why);
  }
  StateAnswer held;
  if (!rules_.hold_names || !IsHeld(held_.BeforeLock(grant, id, (*store)->store_id), &held)) {
    return ErrorAnswer(std::move(bad_id));
  }
  return held.status.code() == Code::kConflict ? StateAnswer() : held;
}

// After a forced release a write of the old holder may still be on its way: the locker remembers
// it, and the next LOCK burns a number before it is granted.
StateAnswer StateService::ForceUnlock(const Grant& grant) {
  if (!rules_.force_unlock_enabled || grant.expired) {
    return RefusalAnswer(Refusal::kForceNotAllowed);
  }
  LockKey key = LockKeyOf(grant, rules_.write.legacy_read);
  ReleaseRequest request{"", grant.principal};
  request.head = storage_.SeenHead(key.id);
  if (grant.rights.Has(Right::kForce)) return UnlockFree(grant, locker_.Release(key, request));
  // Others may force some locks: the one that is looked at is the one that is released.
  Result<LockView> view = locker_.Look(key);
  if (!view.ok()) return ErrorAnswer(NeverAbsent(std::move(view).status()));
  if (!view->plans.empty()) return FreeOwnPlans(grant, key, std::move(request));
  if (view->holder && !MayForce(grant, *view->holder)) {
    return RefusalAnswer(Refusal::kForceOfOther, HolderFacts(*view->holder));
  }
  request.id = view->holder ? view->holder->id : kNoLockId;
  request.any_principal = true;
  request.unnamed = true;
  return UnlockFree(grant, locker_.Release(key, request));
}

StateAnswer StateService::FreeOwnPlans(const Grant& grant, const LockKey& key,
                                       ReleaseRequest request) {
  request.own_plans = true;
  Result<ReleaseOutcome> outcome = locker_.Release(key, request);
  if (outcome.ok()) {
    const auto* held = std::get_if<HeldBy>(&*outcome);
    if (held != nullptr && held->freed_from_ms == 0) {
      return RefusalAnswer(Refusal::kForceOfOther, held->plans.empty() ? HolderFacts(held->holder)
                                                                       : PlanFacts(held->plans));
    }
  }
  return UnlockFree(grant, std::move(outcome));
}

StateAnswer StateService::UnlockById(const Grant& grant, ReleaseRequest request) {
  const std::string lock_id = request.id;
  StateAnswer answer = AfterRelease(ReleaseById(grant, std::move(request)));
  answer.lock_id = lock_id;
  return answer;
}

// tofu's force-unlock names the ID: of another principal's lock that is a forced release.
Result<ReleaseOutcome> StateService::ReleaseById(const Grant& grant, ReleaseRequest request) {
  LockKey key = LockKeyOf(grant, rules_.write.legacy_read);
  if (grant.expired) {
    Result<LockView> view = locker_.Look(key);
    if (!view.ok()) return std::move(view).status();
    const LockRecord* held = view->holder && view->holder->id == request.id
                                 ? &*view->holder
                                 : FindPlan(view->plans, request.id);
    if (held != nullptr && !MayUse(grant, *held)) {
      return Status(TextOf(Refusal::kNotThisToken).code, Explain(Refusal::kNotThisToken, ""));
    }
  }
  request.head = storage_.SeenHead(key.id);
  Result<ReleaseOutcome> outcome = locker_.Release(key, request);
  if (!outcome.ok()) return outcome;
  const auto* held = std::get_if<HeldBy>(&*outcome);
  if (held == nullptr || held->holder.id != request.id) return outcome;
  if (!rules_.force_unlock_enabled || !MayForce(grant, held->holder)) {
    return Status(Code::kPermissionDenied,
                  Explain(Refusal::kForceOfOther, HolderFacts(held->holder)));
  }
  request.any_principal = true;
  return locker_.Release(key, request);
}

StateAnswer StateService::AfterRelease(Result<ReleaseOutcome> outcome) {
  StateAnswer answer;
  if (!outcome.ok()) {
    answer.status = NeverAbsent(std::move(outcome).status());
    // Whose lock it is, or whose token.
    if (answer.status.code() == Code::kPermissionDenied) {
      answer.hint = answer.status.detail();
      answer.action = std::string(TextOf(Refusal::kForceOfOther).action);
    }
  } else if (const auto* held = std::get_if<HeldBy>(&*outcome)) {
    if (held->freed_from_ms == 0) {
      answer =
          RefusalAnswer(Refusal::kOtherLockHeld,
                        held->plans.empty() ? HolderFacts(held->holder) : PlanFacts(held->plans));
    } else {
      answer = RefusalAnswer(Refusal::kLaterLockHeld, HolderFacts(held->holder) +
                                                          "; it can be freed without its ID from " +
                                                          FormatTime(held->freed_from_ms));
    }
  } else if (const auto* released = std::get_if<Released>(&*outcome)) {
    answer.lock_id = released->record.id;
    answer.released = released->record;
    answer.freed = released->plans;
    for (size_t i = 1; i < answer.freed.size(); ++i) answer.lock_id += " " + answer.freed[i].id;
    if (!answer.freed.empty()) {
      answer.hint = "plans freed: " + PlanFacts(answer.freed);
    }
  }
  return answer;
}

}  // namespace stateward
