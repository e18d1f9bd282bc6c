#include "http/who_asks.h"

#include <utility>

#include "http/basic_header.h"

namespace stateward {
namespace {

// A user whom the web server checked comes first: the header is that check's own. A certificate
// counts when there is no header: who shows credentials must be judged by them.
Result<Credentials> FindCredentials(const HandlerParts& parts, const Request& request) {
  Credentials vouched;
  if (parts.proxy_identities) vouched.proxy_user = request.proxy_user;
  if (vouched.proxy_user.empty()) {
    if (request.authorization) return ParseAuthorization(*request.authorization);
    if (parts.proxy_identities) vouched.certificate = request.proxy_certificate;
  }
  if (vouched.vouched()) return vouched;
  return Status(Code::kUnauthenticated, "no authorization header");
}

Result<Authenticator*> FindWayIn(const HandlerParts& parts, const Request& request,
                                 Credentials* out) {
  Result<Credentials> credentials = FindCredentials(parts, request);
  if (!credentials.ok()) return std::move(credentials).status();
  credentials->address = request.remote_addr;
  *out = *std::move(credentials);
  for (Authenticator* authenticator : parts.authenticators) {
    if (authenticator->Takes(*out)) return authenticator;
  }
  return Status(Code::kUnauthenticated, "no way in for such credentials");
}

}  // namespace

Result<Grant> AuthorizeRequest(const HandlerParts& parts, const Request& request,
                               const StateKey& key, Verb verb) {
  Credentials credentials;
  Result<Authenticator*> way_in = FindWayIn(parts, request, &credentials);
  if (!way_in.ok()) return std::move(way_in).status();
  return (*way_in)->Authorize(credentials, key, verb);
}

Result<Identity> IdentifyRequest(const HandlerParts& parts, const Request& request) {
  Credentials credentials;
  Result<Authenticator*> way_in = FindWayIn(parts, request, &credentials);
  if (!way_in.ok()) return std::move(way_in).status();
  return (*way_in)->Identify(credentials);
}

}  // namespace stateward
