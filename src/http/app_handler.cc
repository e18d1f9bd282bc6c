#include "http/app_handler.h"

#include <array>
#include <memory>
#include <utility>

#include "base/base64.h"
#include "base/sha256.h"
#include "base/together.h"
#include "http/answers.h"
#include "http/api_args.h"
#include "http/api_call.h"
#include "http/audit_events.h"
#include "http/origin.h"
#include "http/who_asks.h"
#include "state/lock_info.h"

namespace stateward {
namespace {

bool IsDocument(const Exchange& exchange) {
  return exchange.api == nullptr && exchange.matched.route->body == BodyKind::kDocument;
}

}  // namespace

// Let in, and its body is still on its way.
class AppHandler::Call : public PendingCall {
 public:
  Call(AppHandler& handler, Exchange exchange)
      : handler_(handler), exchange_(std::move(exchange)) {}
  std::string_view Principal() const override { return exchange_.principal; }
  uint64_t BodyLimit() const override { return handler_.BodyLimit(exchange_); }
  Response Finish(ByteView body) override {
    Response response = handler_.WithBody(&exchange_, body);
    return handler_.Done(exchange_, std::move(response));
  }
  Response Fail(const Status& why) override {
    Response response =
        exchange_.api == nullptr ? StatusAnswer(why, &exchange_) : ProblemAnswer(why, &exchange_);
    return handler_.Done(exchange_, std::move(response));
  }
  Request GiveBack() override {
    exchange_.request.since_us = exchange_.start_us;
    return std::move(exchange_.request);
  }
  void Keep(ByteView body) override {
    if (IsDocument()) handler_.KeepDocument(exchange_, body);
  }
  bool IsDocument() const override { return stateward::IsDocument(exchange_); }

 private:
  AppHandler& handler_;
  Exchange exchange_;
};

namespace {

// From here on two threads share the passes over a document; below, measured, nothing is won. At
// most THREADS requests come here at the same time, so there are no more threads than twice as
// many.
constexpr size_t kSharedBody = size_t{8} << 20;

// Both clients send Content-MD5 with every body: a free check from their memory to ours. A wrong
// one is 503, not 4xx, so that the client sends the body again. It takes as long as all the other
// passes over a document: of a large one those are made meanwhile.
Status CheckMd5(Exchange* exchange, ByteView body) {
  if (!exchange->request.content_md5) return Status();
  std::optional<SecretBytes> want = Base64Decode(*exchange->request.content_md5);
  if (!want || want->size() != 16) {
    return Status::InvalidArgument("content-md5: not base64 of 16 bytes");
  }
  std::array<uint8_t, 16> md5{};
  const auto take = [&] { md5 = Md5(body); };
  if (IsDocument(*exchange) && body.size() >= kSharedBody) {
    RunTogether(take, [&] { exchange->document = LookAtDocument(body); });
  } else {
    take();
  }
  if (ByteView(*want) != ByteView(md5)) {
    return Status::Unavailable("content-md5: the body changed on its way");
  }
  return Status();
}

// What strangers can cause without end.
bool IsRefusal(int status) {
  return status == 400 || status == 401 || status == 403 || status == 405 || status == 429;
}

constexpr char kApiBodyTooLarge[] = "the body is larger than 64 KiB";

bool IsIdentity(const std::optional<std::string>& encoding) {
  return !encoding || encoding->empty() || *encoding == "identity";
}

}  // namespace

Judged AppHandler::Judge(Request request, AnswerRoom& room) {
  Exchange exchange{std::move(request)};
  const int64_t since_us = exchange.request.since_us;
  exchange.start_us = since_us != 0 ? since_us : parts_.clock->SteadyUs();
  Judged judged = Look(&exchange, room);
  if (Response* answer = std::get_if<Response>(&judged)) {
    return Done(exchange, std::move(*answer));
  }
  return judged;
}

Response AppHandler::GiveUp(const Status& why, std::string_view request_id) {
  Exchange exchange{};
  exchange.request.request_id = request_id;
  exchange.start_us = parts_.clock->SteadyUs();
  Response response = StatusAnswer(why, &exchange);
  return Done(exchange, std::move(response));
}

Response AppHandler::Done(const Exchange& exchange, Response response) {
  if (exchange.request.method == Method::kHead) {
    response.length = response.body.size();
    response.body.clear();
  }
  int64_t duration = parts_.clock->SteadyUs() - exchange.start_us;
  parts_.observer->OnRequest(exchange.matched.name, exchange.request.method, response.status,
                             duration);
  const bool refusal = IsRefusal(response.status);
  NoteRequest(parts_, exchange, response, refusal);
  LogRequest(exchange, response, duration);
  return response;
}

Judged AppHandler::Look(Exchange* exchange, AnswerRoom& room) {
  Result<Target> target = ParseTarget(exchange->request.target);
  if (!target.ok()) {
    const bool api = exchange->request.target.compare(0, kApiRoot.size(), kApiRoot) == 0;
    return api ? ProblemAnswer(target.status(), exchange) : StatusAnswer(target.status(), exchange);
  }
  if (IsApi(*target)) return LookAtApi(exchange, *target, room);
  Status matched = MatchRoute(exchange->request.method, *target, parts_.addresses,
                              &exchange->matched, &exchange->allow);
  if (!matched.ok()) return StatusAnswer(matched, exchange);
  const Route& route = *exchange->matched.route;
  return route.auth ? LookAtState(exchange, *target, room) : route.answer(parts_, exchange, {});
}

Judged AppHandler::LookAtState(Exchange* exchange, const Target& target, AnswerRoom& room) {
  const Route& route = *exchange->matched.route;
  // What is only read no page of another site is shown by its browser.
  const Method method = exchange->request.method;
  const Status origin =
      method == Method::kGet || method == Method::kHead ? Status() : CheckOrigin(exchange->request);
  if (!origin.ok()) return Refused(origin, exchange);
  Result<Grant> grant = Authorize(*exchange, route.verb);
  if (!grant.ok()) return Refused(grant.status(), exchange);
  exchange->principal = grant->principal;
  exchange->grant = std::move(*grant);
  if (exchange->grant.expired) {
    Status grace = parts_.states->CheckGrace(exchange->grant, route.verb);
    if (!grace.ok()) return StatusAnswer(grace, exchange);
    exchange->grace = true;
  }
  Status input = CheckInput(target, exchange);
  if (!input.ok()) return StatusAnswer(input, exchange);
  if (route.body == BodyKind::kNone) return WithoutBody(exchange, room);
  if (exchange->request.content_length.value_or(0) > BodyLimit(*exchange)) {
    Explanation more;
    if (route.body != BodyKind::kDocument) {
      more.reason = "the lock's information is larger than this server takes";
      more.action = "use a shorter remark; clients send a few hundred bytes";
    }
    return StatusAnswer(Status(Code::kTooLarge, "body: over the limit"), exchange, more);
  }
  Status admitted = parts_.states->Admit(exchange->grant);
  if (!admitted.ok()) return StatusAnswer(admitted, exchange);
  return std::make_unique<Call>(*this, std::move(*exchange));
}

// Who is known is told why this is not allowed; who may read the outputs and asks for the state,
// where they are.
Response AppHandler::Refused(const Status& why, Exchange* exchange) const {
  if (why.code() != Code::kPermissionDenied) return StatusAnswer(why, exchange);
  const Route& route = *exchange->matched.route;
  const bool read = route.name == RouteName::kState && route.verb == Verb::kRead;
  Explanation more;
  if (!read || !Authorize(*exchange, Verb::kOutputs).ok()) {
    more.reason = why.detail();
    return StatusAnswer(why, exchange, more);
  }
  more.reason = "these credentials may read the outputs of this state, and nothing else of it";
  more.action = "use this address with /outputs.tfstate behind it";
  return StatusAnswer(why, exchange, more);
}

Result<Grant> AppHandler::Authorize(const Exchange& exchange, Verb verb) const {
  const StateKey key{"", exchange.matched.project, exchange.matched.state};
  return AuthorizeRequest(parts_, exchange.request, key, verb);
}

Judged AppHandler::LookAtApi(Exchange* exchange, const Target& target, AnswerRoom& room) {
  Result<ApiCall> call = LetInApi(parts_, target, exchange);
  if (!call.ok()) return ProblemAnswer(call.status(), exchange);
  if (!call->HasBody()) {
    const RoomFn take = [&](size_t size) { return room.Take(exchange->principal, size); };
    return AnswerApi(parts_, *call, {}, take, exchange);
  }
  exchange->api = std::make_shared<const ApiCall>(*std::move(call));
  if (exchange->request.content_length.value_or(0) > kMaxApiBody) {
    return ProblemAnswer(Status(Code::kTooLarge, kApiBodyTooLarge), exchange);
  }
  return std::make_unique<Call>(*this, std::move(*exchange));
}

uint64_t AppHandler::BodyLimit(const Exchange& exchange) const {
  if (exchange.api != nullptr) return kMaxApiBody;
  return IsDocument(exchange) ? parts_.max_state_bytes : kMaxLockInfoBytes;
}

Status AppHandler::CheckInput(const Target& target, Exchange* exchange) const {
  if (!IsIdentity(exchange->request.content_encoding)) {
    return Status::InvalidArgument("content-encoding: bodies are taken as they are");
  }
  Result<std::string> query_id = OnlyQuery(target, "ID");
  if (!query_id.ok()) return std::move(query_id).status();
  if (!query_id->empty() && !IsLockId(*query_id)) {
    return Status::InvalidArgument("ID must be 1 to 128 visible ASCII characters");
  }
  exchange->query_id = std::move(*query_id);
  return Status();
}

// Its sender was let in when it began, and is not any more.
void AppHandler::KeepDocument(const Exchange& exchange, ByteView body) {
  const Result<std::string> kept =
      parts_.states->KeepAlone(exchange.grant, exchange.query_id, LookAtDocument(body));
  LogLine line = parts_.log->Begin(LogLevel::kWarning,
                                   kept.ok() ? "the upload of a refused request is kept"
                                             : "the upload of a refused request could not be kept");
  line.Str("state", exchange.matched.project + "/" + exchange.matched.state);
  line.Str(kept.ok() ? "upload" : "reason", kept.ok() ? *kept : kept.status().detail());
  line.Str("principal", exchange.principal);
  parts_.log->Write(LogLevel::kWarning, line);
}

Response AppHandler::WithoutBody(Exchange* exchange, AnswerRoom& room) {
  Status announced = AnnounceChange(parts_, {}, exchange);
  if (!announced.ok()) return StatusAnswer(announced, exchange);
  Response response = exchange->matched.route->answer(parts_, exchange, {});
  bool waits = response.status == 200 && !response.body.empty();
  if (waits && !room.Take(exchange->principal, response.body.size())) {
    return StatusAnswer(Status(Code::kOverloaded, "answer: no room just now"), exchange);
  }
  return response;
}

Response AppHandler::WithBody(Exchange* exchange, ByteView body) {
  Status whole = CheckMd5(exchange, body);
  if (exchange->api != nullptr) {
    if (!whole.ok()) return ProblemAnswer(whole, exchange);
    // A change's answer is small, and its client has sent what is charged.
    return AnswerApi(
        parts_, *exchange->api, body, [](size_t) { return true; }, exchange);
  }
  if (!whole.ok()) {
    Explanation more;
    more.reason = "the body is not the one that its Content-MD5 is of: it changed on its way";
    return StatusAnswer(whole, exchange, more);
  }
  Status announced = AnnounceChange(parts_, body, exchange);
  if (!announced.ok()) return StatusAnswer(announced, exchange);
  return exchange->matched.route->answer(parts_, exchange, body);
}

void AppHandler::LogRequest(const Exchange& exchange, const Response& response,
                            int64_t duration_us) {
  bool probe = exchange.matched.route != nullptr && !exchange.matched.route->auth;
  LogLevel level = probe && response.status == 200 ? LogLevel::kDebug : LogLevel::kInfo;
  if (response.status >= 500) level = LogLevel::kWarning;
  const Log& log = *parts_.log;
  if (!log.Enabled(level)) return;
  uint64_t left_out = 0;
  if (IsRefusal(response.status) &&
      !refusals_.MayPass(exchange.request.remote_addr, parts_.clock->SteadyUs(), &left_out)) {
    return;
  }
  LogLine line = log.Begin(level, "request");
  line.Str("method", MethodName(exchange.request.method));
  if (!exchange.operation.empty()) line.Str("operation", exchange.operation);
  if (!exchange.matched.project.empty()) {
    line.Str("state", exchange.matched.project + "/" + exchange.matched.state);
  }
  line.Int("status", response.status)
      .Int("bytes_in", static_cast<int64_t>(exchange.request.content_length.value_or(0)))
      .Int("bytes_out", static_cast<int64_t>(response.body.size()))
      .Int("duration_us", duration_us);
  if (!exchange.principal.empty()) line.Str("principal", exchange.principal);
  if (exchange.grace) line.Str("grace", "expired-but-holding-lock");
  if (!exchange.lock_id.empty()) line.Str("lock_id", exchange.lock_id);
  if (!exchange.request.remote_addr.empty()) line.Str("remote", exchange.request.remote_addr);
  line.Str("request_id", exchange.request.request_id);
  if (!exchange.request.traceparent.empty()) line.Str("traceparent", exchange.request.traceparent);
  if (!exchange.reason.empty()) line.Str("reason", exchange.reason);
  if (left_out > 0) line.Int("left_out", static_cast<int64_t>(left_out));
  log.Write(level, line);
}

}  // namespace stateward
