#include "fcgi/response_head.h"

namespace stateward {
namespace {

const char* Reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 413:
      return "Payload Too Large";
    case 423:
      return "Locked";
    case 429:
      return "Too Many Requests";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

}  // namespace

std::string ResponseHead(const Response& response, const std::string& request_id) {
  std::string head;
  head.reserve(512);
  head += "Status: " + std::to_string(response.status) + " " + Reason(response.status) + "\r\n";
  if (!response.content_type.empty()) head += "Content-Type: " + response.content_type + "\r\n";
  for (const auto& [name, value] : response.headers) head += name + ": " + value + "\r\n";
  // Of an answer that says "as you have it", it would be the length of what the client has.
  if (response.status != 304) {
    head += "Content-Length: " + std::to_string(response.length.value_or(response.body.size())) +
            "\r\n";
  }
  head += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: ";
  return head + request_id + "\r\n\r\n";
}

}  // namespace stateward
