#include "stateward/status.h"

#include <cstring>

namespace stateward {

std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kOk:
      return "ok";
    case Code::kInvalidArgument:
      return "invalid_argument";
    case Code::kUnauthenticated:
      return "unauthenticated";
    case Code::kPermissionDenied:
      return "permission_denied";
    case Code::kNotFound:
      return "not_found";
    case Code::kMethodNotAllowed:
      return "method_not_allowed";
    case Code::kConflict:
      return "conflict";
    case Code::kLocked:
      return "locked";
    case Code::kGone:
      return "gone";
    case Code::kTooLarge:
      return "too_large";
    case Code::kTooManyRequests:
      return "too_many_requests";
    case Code::kCorruption:
      return "corruption";
    case Code::kUnknownKey:
      return "unknown_key";
    case Code::kUnavailable:
      return "unavailable";
    case Code::kOverloaded:
      return "overloaded";
    case Code::kInternal:
      return "internal";
  }
  return "internal";
}

Status FromErrno(std::string_view what, int err) {
  char text[128];
  // The GNU strerror_r, which returns the text and is safe between threads.
  return Status::Unavailable(std::string(what) + ": " + strerror_r(err, text, sizeof text));
}

}  // namespace stateward
