// Who does a JSON Web Token speak for? Over all issuers that the settings and the policy name.
#ifndef STATEWARD_AUTH_TOKEN_VERIFIER_H_
#define STATEWARD_AUTH_TOKEN_VERIFIER_H_

#include <cstdint>
#include <string>
#include <utility>

#include "base/json.h"
#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

struct VerifiedToken {
  std::string issuer;   // byte for byte as configured
  std::string subject;  // never empty
  JsonObject claims;    // all of them
  int64_t expires_s = 0;
  // Everything else is right, but its time is over. It may do nothing but what a lock that was
  // taken with it still allows (LOCK_GRACE): a caller that does not look at this lets old tokens
  // in.
  bool expired = false;
  std::string token_sha256;  // 64 hex digits

  // Names the subject of this issuer and no other one: for lock records and the log.
  std::string Principal() const { return "jwt:" + issuer + "|" + subject; }
};

// Thread-safe.
class TokenVerifier {
 public:
  virtual ~TokenVerifier() = default;
  // kUnauthenticated: the text says which rule refused it (for the log). kUnavailable: the keys of
  // its issuer cannot be had just now, so nothing is known of the token.
  // May wait for the issuer, once and at most some seconds, when it has never seen the key.
  virtual Result<VerifiedToken> Verify(const SecretString& token) = 0;
};

}  // namespace stateward

#endif  // STATEWARD_AUTH_TOKEN_VERIFIER_H_
