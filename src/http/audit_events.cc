#include "http/audit_events.h"

#include <string>
#include <utility>

#include "state/lock_info.h"
#include "stateward/audit.h"

namespace stateward {
namespace {

bool Changes(Verb verb) { return verb != Verb::kRead && verb != Verb::kOutputs; }

std::string ActionOf(const Exchange& exchange) {
  if (exchange.matched.route == nullptr) return std::string(exchange.operation);
  if (exchange.matched.name == RouteName::kVersion) return "read version";
  switch (exchange.matched.route->verb) {
    case Verb::kRead:
      return "read";
    case Verb::kOutputs:
      return "read outputs";
    case Verb::kWrite:
      return "write";
    case Verb::kDelete:
      return "delete";
    case Verb::kLock:
      return "lock";
    case Verb::kUnlock:
      return exchange.audit.forced ? "force unlock" : "unlock";
    case Verb::kForceUnlock:
      return "force unlock";
  }
  return "";
}

AuditEvent EventOf(const HandlerParts& parts, const Exchange& exchange) {
  AuditEvent event;
  event.time_ms = parts.clock->NowMs();
  event.request_id = exchange.request.request_id;
  event.traceparent = exchange.request.traceparent;
  event.principal = exchange.principal;
  event.identity = exchange.grant.identity;
  event.address = exchange.request.remote_addr;
  event.action = ActionOf(exchange);
  event.project = exchange.matched.project;
  event.name = exchange.matched.state;
  event.tenant = exchange.grant.key.tenant;
  event.lock_id = exchange.lock_id;
  return event;
}

// The lock that the request is about; "" = it names none.
std::string LockOf(ByteView body, const Exchange& exchange) {
  const bool in_body = exchange.matched.route->body == BodyKind::kLockInfo && !body.empty();
  if (!in_body) return exchange.query_id;
  Result<ParsedLockInfo> info = ParseLockInfo(body);
  return info.ok() ? info->id : exchange.query_id;
}

// A lock of somebody else, or of an operation, whose run may go on.
bool IsForced(const LockRecord& released, const Grant& grant) {
  return !IsHeldBy(released, grant.principal) || IsOperationLockId(released.id);
}

AuditResult ResultOf(int status) {
  if (status < 400) return AuditResult::kDone;
  return status >= 500 ? AuditResult::kFailed : AuditResult::kRefused;
}

}  // namespace

Status AnnounceChange(const HandlerParts& parts, ByteView body, Exchange* exchange) {
  const Verb verb = exchange->matched.route->verb;
  if (parts.trail == nullptr || !Changes(verb)) return Status();
  exchange->lock_id = LockOf(body, *exchange);
  const bool unlocks = verb == Verb::kUnlock;
  exchange->audit.forced = unlocks && exchange->lock_id.empty();
  // Who names a lock, or frees one, is at work. Where room is short the lock is looked at: nobody
  // gets at what is kept for them by naming any.
  bool finishes = unlocks || (verb != Verb::kLock && !exchange->lock_id.empty());
  if (finishes && !parts.trail->HasRoom()) {
    finishes = parts.states->HasLock(exchange->grant, exchange->lock_id);
  }
  AuditEvent event = EventOf(parts, *exchange);
  STATEWARD_RETURN_IF_ERROR(parts.trail->Intend(
      &event, finishes ? AuditNeed::kFinishes : AuditNeed::kBegins, &exchange->grant.audit));
  exchange->audit.intent = event.intent;
  return Status();
}

void KeepFacts(const StateAnswer& answer, Exchange* exchange) {
  exchange->audit.facts = answer.audit;
  exchange->audit.upload = answer.upload;
  // Whose lock it was shows only now.
  if (answer.released && IsForced(*answer.released, exchange->grant)) exchange->audit.forced = true;
}

void NoteRequest(const HandlerParts& parts, const Exchange& exchange, const Response& response,
                 bool refusal) {
  const Route* route = exchange.matched.route;
  if (parts.trail == nullptr || (route != nullptr && !route->auth)) return;
  // Operations note themselves (admin/audited_run.h), but for those that were refused before.
  const bool refused = !exchange.operation.empty() && !exchange.audit.by_operation;
  if (route == nullptr && !refused) return;
  AuditEvent event = EventOf(parts, exchange);
  event.facts = exchange.audit.facts;
  event.upload = exchange.audit.upload;
  event.intent = exchange.audit.intent;
  event.status = response.status;
  event.result = ResultOf(response.status);
  event.reason = exchange.reason;
  // Who is not known cannot be held to anything, whatever the answer was.
  event.refusal = event.intent == 0 && (refusal || exchange.principal.empty());
  parts.trail->Note(event);
}

}  // namespace stateward
