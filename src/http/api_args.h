// The values of an operation's parameters, from a request.
//
// GET: each is a member of the query. POST: the body is a JSON object with a member for each: flags
// as true or false, numbers as numbers, those that may be given several times as arrays, all others
// as strings. What the path names stands in neither. Two parameters are headers: "if-version" is
// If-Match, with the number in quotes, and "change-id" is Idempotency-Key.
#ifndef STATEWARD_HTTP_API_ARGS_H_
#define STATEWARD_HTTP_API_ARGS_H_

#include <cstddef>
#include <string_view>

#include "http/api_routes.h"
#include "http/target.h"
#include "stateward/bytes.h"
#include "stateward/http.h"
#include "stateward/result.h"

namespace stateward {

// Of a body: every text of a call at its limit, and some lists of names.
inline constexpr size_t kMaxApiBody = size_t{64} * 1024;

inline constexpr std::string_view kIfVersionParam = "if-version";
inline constexpr std::string_view kChangeIdParam = "change-id";

// Whether a parameter stands in a request, and not in its path or headers.
bool IsInQueryOrBody(const Operation& operation, const Param& row);

// Errors have a text for the caller: kInvalidArgument; kConflict: an If-Match that no version fits.
Result<Args> ReadApiArgs(const ApiMatch& match, const Target& target, const Request& request,
                         ByteView body);

}  // namespace stateward

#endif  // STATEWARD_HTTP_API_ARGS_H_
