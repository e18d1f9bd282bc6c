// Who asks: the credentials of a request, judged by the way in that takes them.
#ifndef STATEWARD_HTTP_WHO_ASKS_H_
#define STATEWARD_HTTP_WHO_ASKS_H_

#include "http/handler_parts.h"
#include "stateward/authenticator.h"
#include "stateward/http.h"
#include "stateward/result.h"

namespace stateward {

// For one state and verb. Errors as Authenticator::Authorize; kUnauthenticated also when there are
// no credentials, or no way in takes them.
Result<Grant> AuthorizeRequest(const HandlerParts& parts, const Request& request,
                               const StateKey& key, Verb verb);

// For as many states as the request asks about. Errors as Authenticator::Identify, and as above.
Result<Identity> IdentifyRequest(const HandlerParts& parts, const Request& request);

}  // namespace stateward

#endif  // STATEWARD_HTTP_WHO_ASKS_H_
