// A request of /api/v1: let in, and run.
#ifndef STATEWARD_HTTP_API_CALL_H_
#define STATEWARD_HTTP_API_CALL_H_

#include "http/api_answers.h"
#include "http/api_routes.h"
#include "http/exchange.h"
#include "http/handler_parts.h"
#include "http/target.h"
#include "stateward/authenticator.h"
#include "stateward/http.h"
#include "stateward/result.h"

namespace stateward {

// A value.
struct ApiCall {
  ApiMatch match;
  Target target;
  Identity identity;

  bool HasBody() const {
    return match.operation != nullptr && match.operation->method != Method::kGet;
  }
};

// What is refused before a byte of a body is read, in this order: path and method, another Origin,
// credentials, and a store that is not ready or knows nothing of the secret. Thread-safe.
Result<ApiCall> LetInApi(const HandlerParts& parts, const Target& target, Exchange* exchange);

// Thread-safe. What `room` gives is for the answer; it is called before this returns.
Response AnswerApi(const HandlerParts& parts, const ApiCall& call, ByteView body,
                   const RoomFn& room, Exchange* exchange);

}  // namespace stateward

#endif  // STATEWARD_HTTP_API_CALL_H_
