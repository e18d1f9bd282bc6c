// Asks an issuer for its keys: OpenID Connect discovery, then the key set that it names.
#ifndef STATEWARD_AUTH_KEY_FETCH_H_
#define STATEWARD_AUTH_KEY_FETCH_H_

#include <atomic>
#include <string>
#include <string_view>

#include "http_client/http_client.h"
#include "stateward/result.h"

namespace stateward {

// OK for https://host…, and for http:// with a loopback host (localhost, 127.0.0.0/8, [::1]);
// without user, query, fragment, blank or '|' (Principal() puts that behind the issuer).
// kInvalidArgument: says what is wrong.
Status CheckIssuerUrl(std::string_view url);

// The text of the key set. REQUIRES: CheckIssuerUrl(issuer) is OK; `http` allows http when the
// issuer does. Waits for at most 2 answers of 4 s each, or until *stop.
// kUnavailable: no answer, another status than 200 (a redirect is not followed), an answer that is
// no discovery document, names another issuer or a key set at a place that is not allowed. Texts
// hold nothing of what the issuer sent.
Result<std::string> FetchKeySet(HttpClient& http, const std::string& issuer,
                                const std::atomic<bool>& stop);

}  // namespace stateward

#endif  // STATEWARD_AUTH_KEY_FETCH_H_
