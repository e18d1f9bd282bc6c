// What the audit trail is told of a request: the one place where the client protocol meets it.
#ifndef STATEWARD_HTTP_AUDIT_EVENTS_H_
#define STATEWARD_HTTP_AUDIT_EVENTS_H_

#include "http/exchange.h"
#include "http/handler_parts.h"
#include "state/state_service.h"
#include "stateward/bytes.h"
#include "stateward/http.h"
#include "stateward/status.h"

namespace stateward {

// Before a route's answer that may change something: exchange->grant then says what its records
// name. OK also when there is no trail. kUnavailable: nothing may be changed.
Status AnnounceChange(const HandlerParts& parts, ByteView body, Exchange* exchange);

// What an answer found out, kept until its request is noted.
void KeepFacts(const StateAnswer& answer, Exchange* exchange);

// A request of a state is answered. `refusal`: strangers can cause it without end.
void NoteRequest(const HandlerParts& parts, const Exchange& exchange, const Response& response,
                 bool refusal);

}  // namespace stateward

#endif  // STATEWARD_HTTP_AUDIT_EVENTS_H_
