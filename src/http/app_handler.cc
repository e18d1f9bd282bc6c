#include "http/app_handler.h"

#include <algorithm>
#include <utility>

#include "base/base64.h"
#include "base/json_writer.h"
#include "base/sha256.h"
#include "http/basic_header.h"
#include "state/lock_info.h"

namespace stateward {

struct AppHandler::Context {
  Request request;
  Matched matched{};
  std::string allow{};      // of a 405
  std::string principal{};  // once known
  std::string lock_id{};
  std::string reason{};  // why it was refused or failed; for the log alone
  bool grace = false;    // let in with a token that has expired
  int64_t start_us = 0;
};

// Let in, and its body is still on its way.
class AppHandler::Call : public PendingCall {
 public:
  Call(AppHandler& handler, Context context, Grant grant, std::string query_id)
      : handler_(handler),
        context_(std::move(context)),
        grant_(std::move(grant)),
        query_id_(std::move(query_id)) {}
  std::string_view Principal() const override { return context_.principal; }
  uint64_t BodyLimit() const override { return handler_.BodyLimit(context_); }
  Response Finish(ByteView body) override {
    return handler_.Done(&context_, handler_.WithBody(&context_, grant_, query_id_, body));
  }
  Response Fail(const Status& why) override {
    return handler_.Done(&context_, handler_.FromStatus(&context_, why));
  }

 private:
  AppHandler& handler_;
  Context context_;
  const Grant grant_;
  const std::string query_id_;
};

namespace {

void SetJson(std::string_view text, Response* out) {
  out->content_type = "application/json";
  out->body.assign(text.begin(), text.end());
}

// Both clients send Content-MD5 with every body: a free check from their memory to ours. A wrong
// one is 503, not 4xx, so that the client sends the body again.
Status CheckMd5(const Request& request, ByteView body) {
  if (!request.content_md5) return Status();
  std::optional<SecretBytes> want = Base64Decode(*request.content_md5);
  if (!want || want->size() != 16) {
    return Status::InvalidArgument("content-md5: not base64 of 16 bytes");
  }
  if (ByteView(*want) != ByteView(Md5(body))) {
    return Status::Unavailable("content-md5: the body changed on its way");
  }
  return Status();
}

// What strangers can cause without end.
bool IsRefusal(int status) {
  return status == 400 || status == 401 || status == 403 || status == 405 || status == 429;
}

bool IsIdentity(const std::optional<std::string>& encoding) {
  return !encoding || encoding->empty() || *encoding == "identity";
}

}  // namespace

Judged AppHandler::Judge(Request request, AnswerRoom& room) {
  Context context{std::move(request)};
  context.start_us = parts_.clock->SteadyUs();
  Judged judged = Look(&context, room);
  if (Response* answer = std::get_if<Response>(&judged)) {
    return Done(&context, std::move(*answer));
  }
  return judged;
}

Response AppHandler::Done(Context* context, Response response) {
  if (context->request.method == Method::kHead) response.body.clear();
  int64_t duration = parts_.clock->SteadyUs() - context->start_us;
  parts_.observer->OnRequest(context->matched.name, context->request.method, response.status,
                             duration);
  LogRequest(*context, response, duration);
  return response;
}

Judged AppHandler::Look(Context* context, AnswerRoom& room) {
  Result<Target> target = ParseTarget(context->request.target);
  if (!target.ok()) return FromStatus(context, target.status());
  Status matched = MatchRoute(context->request.method, *target, &context->matched, &context->allow);
  if (!matched.ok()) return FromStatus(context, matched);
  switch (context->matched.route->action) {
    case Action::kHealth: {
      Response response;
      response.status = 200;
      SetJson(R"({"status":"ok"})", &response);
      return response;
    }
    case Action::kReady:
      return Ready(context);
    case Action::kMetrics:
      return Metrics(context);
    default:
      return LookAtState(context, *target, room);
  }
}

Judged AppHandler::LookAtState(Context* context, const Target& target, AnswerRoom& room) {
  Result<Grant> grant = Authorize(*context);
  if (!grant.ok()) return FromStatus(context, grant.status());
  context->principal = grant->principal;
  if (grant->expired) {
    Status grace = parts_.states->CheckGrace(*grant, context->matched.route->verb);
    if (!grace.ok()) return FromStatus(context, grace);
    context->grace = true;
  }
  Result<std::string> query_id = CheckInput(*context, target);
  if (!query_id.ok()) return FromStatus(context, query_id.status());
  if (!context->matched.route->body) return WithoutBody(context, *grant, *query_id, room);
  if (context->request.content_length.value_or(0) > BodyLimit(*context)) {
    return FromStatus(context, Status(Code::kTooLarge, "body: over the limit"));
  }
  Status admitted = parts_.states->Admit(*grant);
  if (!admitted.ok()) return FromStatus(context, admitted);
  return std::make_unique<Call>(*this, std::move(*context), std::move(*grant),
                                std::move(*query_id));
}

// A user whom the web server checked comes first: the header is that check's own. A certificate
// counts when there is no header: whoever shows credentials must be judged by them.
Result<Credentials> AppHandler::FindCredentials(const Request& request) const {
  Credentials vouched;
  if (parts_.proxy_identities) vouched.proxy_user = request.proxy_user;
  if (vouched.proxy_user.empty()) {
    if (request.authorization) return ParseAuthorization(*request.authorization);
    if (parts_.proxy_identities) vouched.certificate = request.proxy_certificate;
  }
  if (vouched.vouched()) return vouched;
  return Status(Code::kUnauthenticated, "no authorization header");
}

Result<Grant> AppHandler::Authorize(const Context& context) {
  Result<Credentials> credentials = FindCredentials(context.request);
  if (!credentials.ok()) return std::move(credentials).status();
  credentials->address = context.request.remote_addr;
  for (Authenticator* authenticator : parts_.authenticators) {
    if (!authenticator->Takes(*credentials)) continue;
    StateKey key{"", context.matched.project, context.matched.state};
    return authenticator->Authorize(*credentials, key, context.matched.route->verb);
  }
  return Status(Code::kUnauthenticated, "no way in for such credentials");
}

uint64_t AppHandler::BodyLimit(const Context& context) const {
  bool is_write = context.matched.route->action == Action::kWrite;
  return is_write ? parts_.max_state_bytes : kMaxLockInfoBytes;
}

Result<std::string> AppHandler::CheckInput(const Context& context, const Target& target) const {
  if (!IsIdentity(context.request.content_encoding)) {
    return Status::InvalidArgument("content-encoding: bodies are taken as they are");
  }
  Result<std::string> query_id = OnlyQuery(target, "ID");
  if (query_id.ok() && !query_id->empty() && !IsLockId(*query_id)) {
    return Status::InvalidArgument("ID must be 1 to 128 visible ASCII characters");
  }
  return query_id;
}

Response AppHandler::WithoutBody(Context* context, const Grant& grant, const std::string& query_id,
                                 AnswerRoom& room) {
  StateService& states = *parts_.states;
  Action action = context->matched.route->action;
  StateAnswer answer;
  if (action == Action::kRead) {
    answer = states.Get(grant);
  } else if (action == Action::kDelete) {
    answer = states.Delete(grant, query_id);
  } else {
    answer = states.Outputs(grant, context->matched.output);
  }
  if (!answer.document.empty() && !room.Take(context->principal, answer.document.size())) {
    return FromStatus(context, Status(Code::kOverloaded, "answer: no room just now"));
  }
  return FromAnswer(context, std::move(answer));
}

Response AppHandler::WithBody(Context* context, const Grant& grant, const std::string& query_id,
                              ByteView body) {
  Status whole = CheckMd5(context->request, body);
  if (!whole.ok()) return FromStatus(context, whole);
  StateService& states = *parts_.states;
  Action action = context->matched.route->action;
  if (action == Action::kWrite) return FromAnswer(context, states.Put(grant, query_id, body));
  if (action == Action::kLock) return FromAnswer(context, states.Lock(grant, body));
  return FromAnswer(context, states.Unlock(grant, body, query_id));
}

Response AppHandler::FromAnswer(Context* context, StateAnswer answer) {
  context->lock_id = std::move(answer.lock_id);
  if (answer.locked) {
    context->reason = "locked by another";
    Response response;
    response.status = 423;
    SetJson(answer.holder, &response);
    return response;
  }
  if (!answer.status.ok()) {
    return FromStatus(context, answer.status, {answer.hint, answer.action, answer.upload});
  }
  Response response;
  response.status = 200;
  Action action = context->matched.route->action;
  if (action == Action::kRead || action == Action::kOutputs) {
    response.content_type = "application/json";
    response.body = std::move(answer.document);
  }
  return response;
}

Response AppHandler::FromStatus(Context* context, const Status& status, Explanation more) {
  context->reason = status.detail();
  const HttpStatus& http = ToHttp(status.code());
  Response response;
  response.status = http.status;
  if (http.retry_after_s > 0) {
    response.headers.emplace_back("Retry-After", std::to_string(http.retry_after_s));
  }
  if (status.code() == Code::kUnauthenticated) {
    // Basic alone: the clients of Terraform know it, and it carries tokens, too.
    response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"stateward\"");
  }
  if (status.code() == Code::kMethodNotAllowed) {
    response.headers.emplace_back("Allow", context->allow);
  }
  // What is wrong with the input is ours to say: these texts hold no byte of anybody's data.
  if (status.code() == Code::kInvalidArgument) more.reason = status.detail();
  SetJson(ErrorBody(http, more, context->request.request_id), &response);
  return response;
}

Response AppHandler::Ready(Context* context) {
  std::vector<PartStatus> parts = parts_.ready();
  bool all_ok = true;
  JsonWriter w;
  w.BeginObject().Key("parts").BeginObject();
  for (const PartStatus& part : parts) {
    w.Key(part.name).String(part.status.ok() ? "ok" : "not ready");
    if (part.status.ok()) continue;
    all_ok = false;
    context->reason += part.name + ": " + part.status.detail() + "; ";
  }
  w.EndObject();
  w.Key("warnings").BeginObject();
  for (const PartStatus& part : parts) {
    if (!part.warning.empty()) w.Key(part.name).String(part.warning);
  }
  w.EndObject().Key("status").String(all_ok ? "ready" : "not ready").EndObject();
  Response response;
  response.status = all_ok ? 200 : 503;
  if (!all_ok) response.headers.emplace_back("Retry-After", "15");
  SetJson(w.text(), &response);
  return response;
}

Response AppHandler::Metrics(Context* context) {
  if (!parts_.metrics) return FromStatus(context, Status::InvalidArgument("no such path"));
  std::string text = parts_.metrics();
  Response response;
  response.status = 200;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body.assign(text.begin(), text.end());
  return response;
}

void AppHandler::LogRequest(const Context& context, const Response& response, int64_t duration_us) {
  bool probe = context.matched.route != nullptr && !context.matched.route->auth;
  LogLevel level = probe && response.status == 200 ? LogLevel::kDebug : LogLevel::kInfo;
  if (response.status >= 500) level = LogLevel::kWarning;
  const Log& log = *parts_.log;
  if (!log.Enabled(level)) return;
  uint64_t left_out = 0;
  if (IsRefusal(response.status) &&
      !refusals_.MayLog(context.request.remote_addr, parts_.clock->SteadyUs(), &left_out)) {
    return;
  }
  LogLine line = log.Begin(level, "request");
  line.Str("method", MethodName(context.request.method));
  if (!context.matched.project.empty()) {
    line.Str("state", context.matched.project + "/" + context.matched.state);
  }
  line.Int("status", response.status)
      .Int("bytes_in", static_cast<int64_t>(context.request.content_length.value_or(0)))
      .Int("bytes_out", static_cast<int64_t>(response.body.size()))
      .Int("duration_us", duration_us);
  if (!context.principal.empty()) line.Str("principal", context.principal);
  if (context.grace) line.Str("grace", "expired-but-holding-lock");
  if (!context.lock_id.empty()) line.Str("lock_id", context.lock_id);
  if (!context.request.remote_addr.empty()) line.Str("remote", context.request.remote_addr);
  line.Str("request_id", context.request.request_id);
  if (!context.reason.empty()) line.Str("reason", context.reason);
  if (left_out > 0) line.Int("left_out", static_cast<int64_t>(left_out));
  log.Write(level, line);
}

}  // namespace stateward
