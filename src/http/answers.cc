#include "http/answers.h"

#include <string>

namespace stateward {

Response JsonAnswer(int status, std::string_view text) {
  Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body.assign(text.begin(), text.end());
  return response;
}

Response StatusAnswer(const Status& status, Exchange* exchange, Explanation more) {
  exchange->reason = status.detail();
  const HttpStatus& http = ToHttp(status.code());
  // What is wrong with the input is ours to say: these texts hold no byte of anybody's data.
  if (status.code() == Code::kInvalidArgument) more.reason = status.detail();
  Response response = JsonAnswer(http.status, ErrorBody(http, more, exchange->request.request_id));
  if (http.retry_after_s > 0) {
    response.headers.emplace_back("Retry-After", std::to_string(http.retry_after_s));
  }
  if (status.code() == Code::kUnauthenticated) {
    // Basic alone: the clients of Terraform know it, and it carries tokens, too.
    response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"stateward\"");
  }
  if (status.code() == Code::kMethodNotAllowed) {
    response.headers.emplace_back("Allow", exchange->allow);
  }
  return response;
}

}  // namespace stateward
