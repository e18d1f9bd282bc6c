#include "admin/audited_run.h"

#include <memory>
#include <utility>

#include "stateward/audit.h"
#include "stateward/authenticator.h"

namespace stateward {
namespace {

// What one run works with; kept as long as the reply's stream.
struct Run {
  Caller caller;
  AuditEvent event;
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

void NoteEnd(AuditTrail* trail, const Run& run, const Status& end) {
  if (trail == nullptr) return;
  AuditEvent event = run.event;
  event.result = ResultOf(end.code());
  if (run.caller.http_status != nullptr) event.status = run.caller.http_status(end.code());
  if (!end.ok()) event.reason = end.detail();
  const bool refusal =
      end.code() == Code::kPermissionDenied || end.code() == Code::kInvalidArgument;
  event.refusal = refusal && event.intent == 0;
  trail->Note(event);
}

Status EndOf(const Result<Reply>& reply) {
  if (!reply.ok()) return reply.status();
  return reply->holder.empty() ? Status() : Status(Code::kLocked, "locked by another");
}

Status MayRun(const Operation& operation, const Caller& caller) {
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
  const Status may = MayRun(operation, caller);
  if (!may.ok()) {
    NoteEnd(trail, *run, may);
    return may;
  }
  if (trail != nullptr && operation.effect != Effect::kReads && !IsDryRun(args)) {
    STATEWARD_RETURN_IF_ERROR(trail->Intend(&run->event, AuditNeed::kBegins, &run->caller.audit));
  }
  Result<Reply> reply = operation.run({service, run->caller, args, operation, run->event});
  if (!reply.ok() || !reply->stream) {
    NoteEnd(trail, *run, EndOf(reply));
    return reply;
  }
  reply->stream = [trail, run, walk = std::move(reply->stream)](const RowFn& take) {
    Result<Verdict> end = walk(take);
    NoteEnd(trail, *run, end.ok() ? Status() : end.status());
    return end;
  };
  return reply;
}

}  // namespace stateward
