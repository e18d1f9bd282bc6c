#include "http/api_call.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

#include "http/answers.h"
#include "http/api_args.h"
#include "http/openapi.h"
#include "http/status_map.h"
#include "http/who_asks.h"

namespace stateward {
namespace {

bool SameText(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

// A page of another site must not act with what a browser knows of its user. Programs send none.
Status CheckOrigin(const Request& request) {
  if (request.origin.empty()) return Status();
  std::string_view origin = request.origin;
  std::string_view port;
  for (const auto& [scheme, usual] :
       {std::pair<std::string_view, std::string_view>{"https://", ":443"}, {"http://", ":80"}}) {
    if (!SameText(origin.substr(0, scheme.size()), scheme)) continue;
    origin.remove_prefix(scheme.size());
    port = usual;
    break;
  }
  // A Host may name the usual port, an Origin never does.
  std::string_view host = request.host;
  const bool usual =
      !port.empty() && host.size() > port.size() && host.substr(host.size() - port.size()) == port;
  if (usual) host.remove_suffix(port.size());
  if (!port.empty() && !host.empty() && SameText(origin, host)) return Status();
  return {Code::kPermissionDenied, "the request comes from a page of another site"};
}

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
