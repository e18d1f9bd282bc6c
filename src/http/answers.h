// The functions that the rows of the routes' table name: each answers one kind of request, which
// was let in and, where it has one, came with its whole body. Thread-safe.
#ifndef STATEWARD_HTTP_ANSWERS_H_
#define STATEWARD_HTTP_ANSWERS_H_

#include <string>
#include <string_view>

#include "http/exchange.h"
#include "http/handler_parts.h"
#include "http/status_map.h"
#include "stateward/bytes.h"
#include "stateward/http.h"
#include "stateward/status.h"

namespace stateward {

// probe_answers.cc
Response AnswerHealth(const HandlerParts& parts, Exchange* exchange, ByteView body);
Response AnswerReady(const HandlerParts& parts, Exchange* exchange, ByteView body);
Response AnswerMetrics(const HandlerParts& parts, Exchange* exchange, ByteView body);

// state_answers.cc
Response AnswerRead(const HandlerParts& parts, Exchange* exchange, ByteView body);
Response AnswerVersion(const HandlerParts& parts, Exchange* exchange, ByteView body);
Response AnswerOutputs(const HandlerParts& parts, Exchange* exchange, ByteView body);
Response AnswerOutputsState(const HandlerParts& parts, Exchange* exchange, ByteView body);
Response AnswerWrite(const HandlerParts& parts, Exchange* exchange, ByteView body);
Response AnswerDelete(const HandlerParts& parts, Exchange* exchange, ByteView body);
Response AnswerLock(const HandlerParts& parts, Exchange* exchange, ByteView body);
Response AnswerUnlock(const HandlerParts& parts, Exchange* exchange, ByteView body);

// What they are made with: answers.cc
Response JsonAnswer(int status, std::string_view text);
// By the table of http/status_map.h; the detail goes to the log.
Response StatusAnswer(const Status& status, Exchange* exchange, Explanation more = {});
// An answer's ETag, with its quotation marks (W/"…" when an answer that says the same in other
// bytes has it, too); 304 without a body when If-None-Match names it.
void AddTag(const std::string& tag, const Exchange& exchange, Response* response);

}  // namespace stateward

#endif  // STATEWARD_HTTP_ANSWERS_H_
