// What a thread does with a connection's request: judge it, handle it, or say that it cannot.
#include <exception>
#include <new>
#include <utility>

#include "fcgi/connection.h"
#include "fcgi/libfcgi_bridge.h"
#include "fcgi/response_head.h"

namespace stateward {
Connection::Next Connection::Think(HandlerSource& handlers, const Log& log, int64_t now_us) {
  Job job = std::exchange(job_, Job::kNone);
  try {
    if (job == Job::kJudge) return Judge(handlers, now_us);
    if (job == Job::kFinish) return Finish(handlers, now_us);
    return Answer(call_->Fail(*failed_), now_us);
  } catch (const std::bad_alloc& e) {
    return GiveUp(handlers, log, Status(Code::kOverloaded, e.what()), now_us);
  } catch (const std::exception& e) {
    // The library throws this alone: there are no random bytes.
    return GiveUp(handlers, log, Status::Unavailable(e.what()), now_us);
  }
}

Connection::Next Connection::GiveUp(HandlerSource& handlers, const Log& log, const Status& why,
                                    int64_t now_us) {
  log.Error("request failed: " + why.detail());
  return Answer(handlers.Current()->GiveUp(why, request_id_), now_us);
}

Connection::Next Connection::Judge(HandlerSource& handlers, int64_t now_us) {
  Result<Request> request = ParseParams(params_, may_vouch_);
  SecretBytes().swap(params_);
  if (!request.ok()) return Next::kBad;
  request_id_ = request->request_id;
  declared_ = request->content_length;
  // One with a body is looked at when that is there.
  const Method method = request->method;
  const bool has_body = method == Method::kPost || method == Method::kPut ||
                        method == Method::kLock || method == Method::kUnlock;
  if (!has_body && PeerIsGone()) return Next::kGone;
  handler_ = handlers.Current();
  Judged judged = handler_->Judge(std::move(*request), *this);
  if (Response* answer = std::get_if<Response>(&judged)) return Answer(std::move(*answer), now_us);
  call_ = std::move(std::get<std::unique_ptr<PendingCall>>(judged));
  return GatherBody(handlers, now_us);
}

Connection::Next Connection::GatherBody(HandlerSource& handlers, int64_t now_us) {
  limit_ = call_->BodyLimit();
  if (failed_) return Answer(call_->Fail(*failed_), now_us);
  if (records_.ended()) return Finish(handlers, now_us);
  if (got_ > limit_) {
    return Answer(call_->Fail(Status(Code::kTooLarge, "body: over the limit")), now_us);
  }
  charge_.Belongs(call_->Principal(), declared_.value_or(limit_) <= kSmallBody);
  if (declared_ && *declared_ > got_ && !charge_.Fits(*declared_ - got_)) {
    return Answer(call_->Fail(Status(Code::kOverloaded, "body: no room just now")), now_us);
  }
  phase_ = Phase::kBody;
  since_us_ = now_us;
  progress_.Start(now_us);
  return Next::kWait;
}

bool Connection::MustBeJudgedAgain(HandlerSource& handlers, int64_t now_us) const {
  if (phase_ != Phase::kBody) return false;  // it came with its head
  return now_us - since_us_ >= kJudgedUs || handlers.Current() != handler_;
}

// The answer, when it is not let in any more.
std::optional<Response> Connection::JudgeAgain(HandlerSource& handlers) {
  std::shared_ptr<Handler> now = handlers.Current();
  Judged judged = now->Judge(call_->GiveBack(), *this);
  if (Response* answer = std::get_if<Response>(&judged)) {
    if (got_ <= limit_ && got_ == declared_.value_or(got_)) call_->Keep(body_.view());
    return std::move(*answer);
  }
  call_ = std::move(std::get<std::unique_ptr<PendingCall>>(judged));
  handler_ = std::move(now);
  limit_ = call_->BodyLimit();
  return std::nullopt;
}

// A body is whole only when its end was seen and it is as long as it says.
Connection::Next Connection::Finish(HandlerSource& handlers, int64_t now_us) {
  // Nobody waits for the answer any more, and who asked may have asked again and gone on since: a
  // process can stand still for long. Of a document this may be the only copy, and what came after
  // it is told by lock and serial.
  if (!call_->IsDocument() && PeerIsGone()) return Next::kGone;
  const std::shared_ptr<Handler> before = handler_;  // outlives the call that it made
  if (MustBeJudgedAgain(handlers, now_us)) {
    std::optional<Response> refused = JudgeAgain(handlers);
    if (refused) return Answer(*std::move(refused), now_us);
  }
  if (got_ > limit_) {
    return Answer(call_->Fail(Status(Code::kTooLarge, "body: over the limit")), now_us);
  }
  if (got_ != declared_.value_or(got_)) {
    return Answer(call_->Fail(Status::Unavailable("body: it is not as long as it says")), now_us);
  }
  return Answer(call_->Finish(body_.view()), now_us);
}

bool Connection::Take(std::string_view principal, size_t size) {
  charge_.Belongs(principal, size <= kSmallBody);
  return charge_.Grow(size);
}

Connection::Next Connection::Answer(Response response, int64_t now_us) {
  bool gathered = call_ != nullptr;
  call_.reset();
  handler_.reset();
  failed_.reset();
  body_.Clear();
  // What Take() has charged stays until the answer is written.
  if (gathered || response.body.empty()) charge_.Release();
  phase_ = Phase::kAnswer;
  since_us_ = now_us;
  progress_.Start(now_us, Progress::Flow::kLumps);
  std::string head = ResponseHead(response, request_id_);
  out_.Start(records_.id(), std::move(head), std::move(response.body));
  end_sent_ = records_.ended() || !records_.keep() || RestIsBig() || slow_;
  if (end_sent_) out_.End();
  return Write(now_us);
}

}  // namespace stateward
