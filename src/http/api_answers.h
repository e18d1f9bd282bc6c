// What /api/v1 answers: replies as JSON, and refusals as problem details (RFC 9457).
#ifndef STATEWARD_HTTP_API_ANSWERS_H_
#define STATEWARD_HTTP_API_ANSWERS_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "admin/operation.h"
#include "http/exchange.h"
#include "stateward/http.h"
#include "stateward/result.h"

namespace stateward {

// Headers of an answer, and what they say.
inline constexpr std::string_view kVerdictHeader = "Stateward-Verdict";  // "found-wrong"
inline constexpr std::string_view kNoteHeader = "Stateward-Note";        // percent-encoded UTF-8
inline constexpr std::string_view kProblemPrefix = "urn:stateward:problem:";  // and CodeName

// Of an answer that is held whole until it is sent: some 100,000 rows. Who asks for more is told to
// ask for fewer.
inline constexpr size_t kMaxApiAnswer = size_t{64} << 20;

// Room for so many bytes more of an answer; false: there is none just now.
using RoomFn = std::function<bool(size_t)>;

// The reply as an answer: a row is an object, rows are an array, a document is itself. The next
// page is a Link header (RFC 8288). A held lock is 423. Errors of a stream are problems. A GET has
// an ETag, and is 304 when If-None-Match names it.
Response ReplyAnswer(const Operation& operation, Reply reply, Exchange* exchange,
                     const RoomFn& room, size_t limit = kMaxApiAnswer);

// type, title, status, detail, and two members that the RFC does not have: action, request_id. The
// detail is the status' own where it is a text for the caller (admin/operation.h, RunOperation);
// else the table's.
Response ProblemAnswer(const Status& status, Exchange* exchange);

}  // namespace stateward

#endif  // STATEWARD_HTTP_API_ANSWERS_H_
