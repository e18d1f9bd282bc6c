#include "http/status_map.h"

#include <utility>

#include "base/json_writer.h"

namespace stateward {
namespace {

// 15 s x 3 tries carries default client settings over half a minute of outage; overload passes
// sooner.
constexpr int kOutageS = 15;
constexpr int kOverloadS = 2;
// One failed login is forgotten in that time (auth/throttle.h).
constexpr int kFailedLoginS = 10;

constexpr std::string_view kComesBack =
    "nothing is lost: repeat the command; if this lasts, give the administrator the request id";

constexpr HttpStatus kTable[] = {
    {Code::kOk, 200, 0, "", "", ""},
    {Code::kInvalidArgument, 400, 0, "bad request", "the request is not one of this API",
     "compare address and methods with docs/http-api.md"},
    {Code::kUnauthenticated, 401, 0, "credentials needed",
     "there are no credentials, or they are wrong or have expired",
     "set username and password (TF_HTTP_USERNAME, TF_HTTP_PASSWORD), or get a new token"},
    {Code::kPermissionDenied, 403, 0, "not allowed",
     "these credentials do not allow this for this state",
     "ask an administrator; `statewardctl policy test` shows who may do what"},
    {Code::kNotFound, 404, 0, "no such state", "nothing is stored under this name",
     "nothing, for a new state; otherwise compare the address with the one that was used before"},
    {Code::kMethodNotAllowed, 405, 0, "method not allowed", "this path does not know this method",
     "use one of the methods in the Allow header"},
    {Code::kConflict, 409, 0, "refused", "the stored state or its lock does not allow this",
     "look at what is stored now (`tofu state pull`), then plan and apply again"},
    {Code::kLocked, 423, 0, "locked", "somebody holds the lock of this state",
     "wait until it is released; `tofu force-unlock` frees a lock that was left behind"},
    {Code::kGone, 410, 0, "this lock ID was released already", "a late repeat of an old request",
     "run the command again: it takes a lock of a new ID"},
    {Code::kTooLarge, 413, 0, "too large", "the body is larger than this server takes",
     "split the state, or ask the administrator to raise MAX_STATE_BYTES"},
    {Code::kTooManyRequests, 429, kFailedLoginS, "too many requests",
     "there were many failed logins from here", "wait; then use the right credentials"},
    // Damage is for the operator to mend; the client is to wait, not to plan from nothing.
    {Code::kCorruption, 503, kOutageS, "unavailable",
     "what is stored cannot be read: it is damaged",
     "give the administrator the request id; the log says what is damaged (docs/operating.md)"},
    // Another host may have the key, and this one later: nothing is lost by waiting.
    {Code::kUnknownKey, 503, kOutageS, "unavailable",
     "what is stored was made with a key that this server does not have",
     "repeat the command; if this lasts, give the administrator the request id: the log names the "
     "key (docs/kms.md)"},
    {Code::kUnavailable, 503, kOutageS, "unavailable",
     "the store, or a service that this server needs, does not answer, is closed or incomplete, or "
     "is not the right one",
     kComesBack},
    {Code::kOverloaded, 503, kOverloadS, "busy", "there is no room just now", kComesBack},
    {Code::kInternal, 500, 0, "internal error", "a defect of this server", kComesBack},
};

std::string_view Either(std::string_view text, std::string_view otherwise) {
  return text.empty() ? otherwise : text;
}

}  // namespace

const HttpStatus& ToHttp(Code code) {
  for (const HttpStatus& row : kTable) {
    if (row.code == code) return row;
  }
  return kTable[sizeof kTable / sizeof kTable[0] - 1];
}

bool IsForCaller(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
    case Code::kNotFound:
    case Code::kMethodNotAllowed:
    case Code::kPermissionDenied:
    case Code::kConflict:
    case Code::kLocked:
    case Code::kGone:
    case Code::kTooLarge:
      return true;
    default:
      return false;
  }
}

std::string ErrorBody(const HttpStatus& row, const Explanation& more, std::string_view request_id) {
  JsonWriter w;
  w.BeginObject().Key("error").String(row.message);
  w.Key("reason").String(Either(more.reason, row.reason));
  w.Key("action").String(Either(more.action, row.action));
  if (!more.upload.empty()) w.Key("upload").String(more.upload);
  w.Key("request_id").String(request_id).EndObject();
  return std::move(w).Take();
}

}  // namespace stateward
