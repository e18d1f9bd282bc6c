#include "http/status_map.h"

namespace stateward {
namespace {

// 15 s x 3 tries carries default client settings over half a minute of outage; overload passes
// sooner.
constexpr int kOutageS = 15;
constexpr int kOverloadS = 2;
// One failed login is forgotten in that time (auth/throttle.h).
constexpr int kFailedLoginS = 10;

constexpr HttpStatus kTable[] = {
    {Code::kOk, 200, 0, ""},
    {Code::kInvalidArgument, 400, 0, "bad request"},
    {Code::kUnauthenticated, 401, 0, "credentials needed"},
    {Code::kPermissionDenied, 403, 0, "not allowed"},
    {Code::kNotFound, 404, 0, "no such state"},
    {Code::kMethodNotAllowed, 405, 0, "method not allowed"},
    {Code::kConflict, 409, 0, "the stored state or its lock does not allow this"},
    {Code::kGone, 410, 0, "this lock ID was released already"},
    {Code::kTooLarge, 413, 0, "too large"},
    {Code::kTooManyRequests, 429, kFailedLoginS, "too many requests"},
    // Damage is for the operator to mend; the client is to wait, not to plan from nothing.
    {Code::kCorruption, 503, kOutageS, "unavailable"},
    {Code::kUnavailable, 503, kOutageS, "unavailable"},
    {Code::kOverloaded, 503, kOverloadS, "busy"},
    {Code::kInternal, 500, 0, "internal error"},
};

}  // namespace

const HttpStatus& ToHttp(Code code) {
  for (const HttpStatus& row : kTable) {
    if (row.code == code) return row;
  }
  return kTable[sizeof kTable / sizeof kTable[0] - 1];
}

}  // namespace stateward
