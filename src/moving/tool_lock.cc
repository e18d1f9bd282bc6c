#include "moving/tool_lock.h"

#include <utility>

#include "base/json_writer.h"
#include "base/random.h"
#include "moving/lock_text.h"
#include "moving/tool_run.h"
#include "state/known_gates.h"
#include "state/lock_info.h"

namespace stateward {
namespace {

// `info`: the LockInfo of a 423.
Status Refused(const std::string& info) {
  std::string id;
  const std::string who = WhoHolds(info, &id);
  if (IsGateSentence(id)) return {Code::kConflict, "no lock is given: " + id};
  return {Code::kConflict, "the state is locked by " + who +
                               "; repeat this when it has ended, or free the lock of a run that is "
                               "gone with `statewardctl unlock`"};
}

// The mark of the run in a lock's ID; "" where there is none.
std::string_view MarkIn(std::string_view id, const std::string& operation) {
  const size_t begin = operation.size() + 1;
  return id.size() > begin ? id.substr(begin, kRunMarkDigits) : std::string_view();
}

// kConflict: the run that holds `id` is at work, or may be.
Status CheckLeft(const std::string& id, const std::string& operation) {
  const std::string_view mark = MarkIn(id, operation);
  if (LookAtRun(mark) != RunState::kOther) return Status();
  return {Code::kConflict, "the state is locked by another run of `statewardctl " + operation +
                               "`, " + WhichRun(mark) +
                               "; repeat this when it has ended, or, when it is gone, free its "
                               "lock with `statewardctl unlock` first"};
}

}  // namespace

std::string ToolLock::NewId(const std::string& operation) {
  return operation + "-" + MarkOf(SelfProcess()) + "-" + RandomHex(4);
}

ToolLock::ToolLock(Locker& locker, StateService& states, std::string operation, std::string id)
    : locker_(locker), states_(states), operation_(std::move(operation)), id_(std::move(id)) {
  JsonWriter info;
  info.BeginObject().Key("ID").String(id_).Key("Operation").String(operation_);
  info.Key("Who")
      .String("statewardctl")
      .Key("Info")
      .String("a run of statewardctl " + operation_ + " that was killed is finished by another");
  const std::string text = std::move(info.EndObject()).Take();
  body_.assign(text.begin(), text.end());
}

Status ToolLock::Take(std::vector<Grant> grants) {
  grants_ = std::move(grants);
  for (const Grant& grant : grants_) {
    Status free = FreeLeft(grant);
    if (!free.ok()) return GiveBack(std::move(free));
    StateAnswer answer = states_.Lock(grant, body_);
    if (answer.locked) {
      return GiveBack(Refused(answer.holder));
    }
    if (!answer.status.ok()) return GiveBack(std::move(answer.status));
    ++taken_;
  }
  return Status();
}

Status ToolLock::GiveBack(Status status) {
  while (taken_ > 0) {
    --taken_;
    StateAnswer answer = states_.Unlock(grants_[taken_], body_, "");
    if (status.ok() && !answer.status.ok()) status = std::move(answer.status).At("unlock");
  }
  return status;
}

Status ToolLock::FreeLeft(const Grant& grant) {
  const StateId id = StateId::Of(grant.key);
  Result<LockView> view = locker_.Look({id, grant.legacy_ids});
  if (!view.ok()) return FreeHalfTaken(grant);
  if (!view->holder || view->holder->principal != grant.principal) return Status();
  STATEWARD_RETURN_IF_ERROR(CheckLeft(view->holder->id, operation_));
  return states_.Unlock(grant, {}, view->holder->id).status;
}

// Where a lock is taken in two steps, a run that was killed between them leaves one of which no
// look tells the holder; a LOCK does. What another principal holds is not released by its ID.
Status ToolLock::FreeHalfTaken(const Grant& grant) {
  const std::string probe = "{\"ID\":\"" + id_ + "-free\",\"Operation\":\"" + operation_ + "\"}";
  const SecretBytes body(probe.begin(), probe.end());
  StateAnswer answer = states_.Lock(grant, body);
  if (!answer.status.ok()) return std::move(answer.status);
  if (!answer.locked) return states_.Unlock(grant, body, "").status;
  Result<ParsedLockInfo> holder =
      ParseLockInfo(SecretBytes(answer.holder.begin(), answer.holder.end()));
  if (!holder.ok()) return std::move(holder).status();
  STATEWARD_RETURN_IF_ERROR(CheckLeft(holder->id, operation_));
  Result<ReleaseOutcome> freed = locker_.Release({StateId::Of(grant.key), grant.legacy_ids},
                                                 {holder->id, grant.principal, false});
  return freed.ok() ? Status() : std::move(freed).status();
}

}  // namespace stateward
