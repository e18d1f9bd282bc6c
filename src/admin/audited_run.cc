#include "admin/audited_run.h"

#include <memory>
#include <utility>

#include "state/refusal.h"
#include "stateward/audit.h"
#include "stateward/authenticator.h"

namespace stateward {
namespace {

// What one run works with; kept as long as the reply's stream.
struct Run {
  Caller caller;
  AuditEvent event;
  bool announced = false;
  bool refused = false;  // before it began
};

// What would be done: nothing is changed, and nobody is told that it was.
bool IsDryRun(const Args& args) { return args.Flag("dry-run"); }

AuditEvent EventOf(const Operation& operation, const AdminService& service, const Caller& caller,
                   const Args& args) {
  AuditEvent event;
  event.time_ms = service.clock().NowMs();
  event.request_id = caller.request_id;
  event.traceparent = caller.traceparent;
  event.principal = caller.principal;
  event.address = caller.address;
  event.action = std::string(operation.name) + (IsDryRun(args) ? " --dry-run" : "");
  const bool one = operation.scope == Scope::kState;
  const StateKey key = one ? args.State() : AnyStateKey();
  if (one) {
    event.project = key.project;
    event.name = key.name;
    event.tenant = caller.tenant.value_or("");
  }
  event.identity = caller.IdentityFor(key);
  event.lock_id = args.Text("id");
  event.upload = args.Text("upload");
  event.reason = args.Text("reason");
  return event;
}

AuditResult ResultOf(Code code) {
  switch (code) {
    case Code::kOk:
      return AuditResult::kDone;
    case Code::kUnknownKey:
    case Code::kUnavailable:
    case Code::kOverloaded:
    case Code::kCorruption:
    case Code::kInternal:
      return AuditResult::kFailed;
    default:
      return AuditResult::kRefused;
  }
}

// Those that somebody can cause without end, whatever rights they have. A name that is hidden or
// absent is one, where the trail cannot tell which; of a state that they may see it is news.
bool IsRefusal(const Operation& operation, const Run& run, Code code) {
  if (run.refused) return true;
  if (code != Code::kNotFound) {
    return code == Code::kPermissionDenied || code == Code::kInvalidArgument;
  }
  const StateKey key{run.caller.tenant.value_or(""), run.event.project, run.event.name};
  return operation.scope != Scope::kState || !run.caller.Sees(key);
}

void NoteEnd(const Operation& operation, AuditTrail* trail, const Run& run, const Status& end) {
  if (trail == nullptr) return;
  AuditEvent event = run.event;
  event.result = ResultOf(end.code());
  if (run.caller.http_status != nullptr) event.status = run.caller.http_status(end.code());
  if (!end.ok()) event.reason = end.detail();
  // What was announced keeps its end: else it would look as if it had been cut off.
  event.refusal = event.intent == 0 && IsRefusal(operation, run, end.code());
  trail->Note(event);
}

Status EndOf(const Result<Reply>& reply) {
  if (!reply.ok()) return reply.status();
  return reply->holder.empty() ? Status() : Status(Code::kLocked, "locked by another");
}

// As soon as the operation knows that its caller may.
Status AnnounceOnce(AuditTrail* trail, Run* run) {
  if (run->announced) return Status();
  AuditEvent intends = run->event;
  intends.facts.after.reset();  // of what it found; nothing is done yet
  STATEWARD_RETURN_IF_ERROR(trail->Intend(&intends, AuditNeed::kBegins, &run->caller.audit));
  run->event.intent = intends.intent;
  run->announced = true;
  return Status();
}

Status MayRun(const Operation& operation, const AdminService& service, const Caller& caller) {
  const StateRules& rules = service.rules();
  if (rules.read_only && operation.effect != Effect::kReads) {
    return {TextOf(Refusal::kReadOnly).code,
            Explain(Refusal::kReadOnly, StandbySentence(rules.read_only_since_ms))};
  }
  if (operation.scope != Scope::kStore || caller.on_store.Contains(operation.needs)) {
    return Status();
  }
  return {Code::kPermissionDenied, "your role does not allow this with the whole store"};
}

}  // namespace

Result<Reply> RunAudited(const Operation& operation, AdminService& service, const Caller& caller,
                         const Args& args) {
  AuditTrail* const trail = service.trail();
  const auto run = std::make_shared<Run>(Run{caller, EventOf(operation, service, caller, args)});
  const Status may = MayRun(operation, service, caller);
  if (!may.ok()) {
    run->refused = true;
    NoteEnd(operation, trail, *run, may);
    return may;
  }
  Call call{service, run->caller, args, operation, run->event};
  if (trail != nullptr && operation.effect != Effect::kReads && !IsDryRun(args)) {
    // Copies of the call live no longer than `run`.
    call.announce = [trail, run = run.get()] { return AnnounceOnce(trail, run); };
  }
  const Status announced = operation.scope == Scope::kStore ? Announce(call) : Status();
  if (!announced.ok()) {
    NoteEnd(operation, trail, *run, announced);
    return announced;
  }
  Result<Reply> reply = operation.run(call);
  if (!reply.ok() || !reply->stream) {
    NoteEnd(operation, trail, *run, EndOf(reply));
    return reply;
  }
  reply->stream = [&operation, trail, run, walk = std::move(reply->stream)](const RowFn& take) {
    Result<Verdict> end = walk(take);
    NoteEnd(operation, trail, *run, end.ok() ? Status() : end.status());
    return end;
  };
  return reply;
}

}  // namespace stateward
