#include "http/answers.h"

#include <string>

namespace stateward {
namespace {

std::string_view WithoutWeak(std::string_view tag) {
  return tag.substr(0, 2) == "W/" ? tag.substr(2) : tag;
}

// RFC 9110 8.8.3.2, weak comparison: W/ does not count.
bool NamesTag(std::string_view list, std::string_view tag) {
  while (!list.empty()) {
    const size_t end = list.find(',');
    std::string_view one = list.substr(0, end);
    list.remove_prefix(end == list.npos ? list.size() : end + 1);
    while (!one.empty() && (one.front() == ' ' || one.front() == '\t')) one.remove_prefix(1);
    while (!one.empty() && (one.back() == ' ' || one.back() == '\t')) one.remove_suffix(1);
    if (one == "*" || WithoutWeak(one) == WithoutWeak(tag)) return true;
  }
  return false;
}

}  // namespace

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

void AddTag(const std::string& tag, const Exchange& exchange, Response* response) {
  response->headers.emplace_back("ETag", tag);
  if (!NamesTag(exchange.request.if_none_match, tag)) return;
  response->status = 304;
  response->content_type.clear();
  response->body.clear();
}

}  // namespace stateward
