#include "admin/audited_run.h"

#include <memory>
#include <utility>

#include "stateward/audit.h"

namespace stateward {
namespace {

AuditEvent EventOf(const Call& call) {
  AuditEvent event;
  event.time_ms = call.service.clock().NowMs();
  event.request_id = call.caller.request_id;
  event.principal = call.caller.principal;
  event.identity = call.caller.identity;
  event.address = call.caller.address;
  event.action = std::string(call.operation.name);
  if (call.operation.scope == Scope::kState) {
    const StateKey key = call.args.State();
    event.project = key.project;
    event.name = key.name;
  }
  event.lock_id = call.args.Text("id");
  event.reason = call.args.Text("reason");
  return event;
}

void Note(AuditTrail* trail, AuditEvent event, const Status& end) {
  if (!end.ok()) {
    const bool failed = end.code() == Code::kUnavailable || end.code() == Code::kOverloaded ||
                        end.code() == Code::kCorruption || end.code() == Code::kInternal;
    event.result = failed ? AuditResult::kFailed : AuditResult::kRefused;
    event.reason = end.detail();
  }
  trail->Note(event);
}

}  // namespace

Result<Reply> RunAudited(const Call& call) {
  AuditTrail* const trail = call.service.trail();
  if (trail == nullptr) return call.operation.run(call);
  AuditEvent event = EventOf(call);
  // Kept as long as the reply's stream, which works for this caller.
  const auto caller = std::make_shared<Caller>(call.caller);
  if (call.operation.effect != Effect::kReads) {
    STATEWARD_RETURN_IF_ERROR(trail->Intend(&event, AuditNeed::kBegins, &caller->audit));
  }
  Result<Reply> reply = call.operation.run({call.service, *caller, call.args, call.operation});
  if (!reply.ok() || !reply->stream) {
    Note(trail, std::move(event), reply.ok() ? Status() : reply.status());
    return reply;
  }
  reply->stream = [trail, caller, event = std::move(event),
                   walk = std::move(reply->stream)](const RowFn& take) {
    Result<Verdict> end = walk(take);
    Note(trail, event, end.ok() ? Status() : end.status());
    return end;
  };
  return reply;
}

}  // namespace stateward
