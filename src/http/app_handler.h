// From request to response: match, authenticate, authorise; then, when the body is there, the
// route's answer. One log line and one count for each request.
#ifndef STATEWARD_HTTP_APP_HANDLER_H_
#define STATEWARD_HTTP_APP_HANDLER_H_

#include "base/flood_gate.h"
#include "http/exchange.h"
#include "http/handler_parts.h"
#include "http/target.h"
#include "stateward/http.h"

namespace stateward {

// Thread-safe. What `parts` points to must outlive it.
class AppHandler : public Handler {
 public:
  explicit AppHandler(HandlerParts parts) : parts_(std::move(parts)) {}
  Judged Judge(Request request, AnswerRoom& room) override;
  Response GiveUp(const Status& why, std::string_view request_id) override;

 private:
  class Call;
  Judged Look(Exchange* exchange, AnswerRoom& room);
  Judged LookAtState(Exchange* exchange, const Target& target, AnswerRoom& room);
  Judged LookAtApi(Exchange* exchange, const Target& target, AnswerRoom& room);
  Result<Grant> Authorize(const Exchange& exchange, Verb verb) const;
  Response Refused(const Status& why, Exchange* exchange) const;
  uint64_t BodyLimit(const Exchange& exchange) const;
  Status CheckInput(const Target& target, Exchange* exchange) const;
  void KeepDocument(const Exchange& exchange, ByteView body);
  Response WithoutBody(Exchange* exchange, AnswerRoom& room);
  Response WithBody(Exchange* exchange, ByteView body);
  // Counts and logs it.
  Response Done(const Exchange& exchange, Response response);
  void LogRequest(const Exchange& exchange, const Response& response, int64_t duration_us);

  const HandlerParts parts_;
  FloodGate refusals_;
};

}  // namespace stateward

#endif  // STATEWARD_HTTP_APP_HANDLER_H_
