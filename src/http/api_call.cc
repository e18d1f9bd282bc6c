#include "http/api_call.h"

#include <string>
#include <utility>

#include "http/answers.h"
#include "http/api_args.h"
#include "http/openapi.h"
#include "http/origin.h"
#include "http/status_map.h"
#include "http/who_asks.h"

namespace stateward {
namespace {

// A secret of basic auth is checked as for the client protocol: who guesses is slowed down.
Status Admit(const HandlerParts& parts, const Identity& identity) {
  Grant grant;
  grant.key.tenant = identity.tenant;
  grant.principal = identity.principal;
  grant.address = identity.address;
  return parts.states->Admit(grant);
}

Caller CallerOf(const Identity& identity) {
  Caller caller;
  caller.principal = identity.principal;
  caller.address = identity.address;
  caller.tenant = identity.tenant;
  caller.rights = identity.rights;
  caller.complete = identity.complete;
  caller.on_store = identity.on_store;
  caller.identity = identity.audit;
  caller.http_status = [](Code code) { return ToHttp(code).status; };
  return caller;
}

}  // namespace

Result<ApiCall> LetInApi(const HandlerParts& parts, const Target& target, Exchange* exchange) {
  ApiCall call;
  exchange->matched.name = RouteName::kApi;
  STATEWARD_RETURN_IF_ERROR(MatchOperation(Operations(), exchange->request.method, target,
                                           parts.addresses, &call.match, &exchange->allow));
  if (call.match.operation != nullptr) exchange->operation = call.match.operation->name;
  STATEWARD_RETURN_IF_ERROR(CheckOrigin(exchange->request));
  Result<Identity> identity = IdentifyRequest(parts, exchange->request);
  if (!identity.ok()) return std::move(identity).status();
  exchange->principal = identity->principal;
  exchange->grant.identity = identity->audit(AnyStateKey());
  STATEWARD_RETURN_IF_ERROR(Admit(parts, *identity));
  call.identity = *std::move(identity);
  call.target = target;
  return call;
}

Response AnswerApi(const HandlerParts& parts, const ApiCall& call, ByteView body,
                   const RoomFn& room, Exchange* exchange) {
  if (call.match.operation == nullptr) return JsonAnswer(200, OpenApiText(Operations()));
  const Operation& operation = *call.match.operation;
  Result<Args> args = ReadApiArgs(call.match, call.target, exchange->request, body);
  if (!args.ok()) return ProblemAnswer(args.status(), exchange);
  const StateKey state = args->State();
  exchange->matched.project = state.project;
  exchange->matched.state = state.name;
  Caller caller = CallerOf(call.identity);
  caller.request_id = exchange->request.request_id;
  caller.traceparent = exchange->request.traceparent;
  exchange->audit.by_operation = true;
  Result<Reply> reply = RunOperation(operation, *parts.admin, caller, *args);
  if (!reply.ok()) return ProblemAnswer(reply.status(), exchange);
  return ReplyAnswer(operation, *std::move(reply), exchange, room);
}

}  // namespace stateward
