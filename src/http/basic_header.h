// Reads an Authorization header.
#ifndef STATEWARD_HTTP_BASIC_HEADER_H_
#define STATEWARD_HTTP_BASIC_HEADER_H_

#include "stateward/authenticator.h"
#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

// "Basic " and canonical base64 of user:secret, split at the first colon; or "Bearer " and a token
// (RFC 6750: letters, digits, - . _ ~ + / and = at its end). The scheme's case does not matter.
// kUnauthenticated: anything else, two headers joined by a comma, or more than 16 KiB.
Result<Credentials> ParseAuthorization(const SecretString& header);

}  // namespace stateward

#endif  // STATEWARD_HTTP_BASIC_HEADER_H_
