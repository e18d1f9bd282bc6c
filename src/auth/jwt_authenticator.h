// Tokens of an issuer, with the claim that the original looks at:
//
//   "terraform-backend": {"project": "network", "state": "prod"}
//
// project is compared exactly; state exactly, or "*" for each state of the project. Who bears
// the claim may do everything with these states, as with the original.
#ifndef STATEWARD_AUTH_JWT_AUTHENTICATOR_H_
#define STATEWARD_AUTH_JWT_AUTHENTICATOR_H_

#include <cstdint>

#include "auth/token_verifier.h"
#include "stateward/authenticator.h"
#include "stateward/clock.h"

namespace stateward {

// Whether the claim "terraform-backend" names this state.
bool ClaimNames(const JsonObject& claims, const StateKey& key);

// Whether these credentials are meant to be a token: a bearer token, user "jwt", or under any user
// name a password that has the form of one.
bool IsTokenCredential(const Credentials& credentials);

// The part of a grant that a token decides, whatever says what its bearer may: principal, the
// original's id and the token's digest. `key` has no tenant.
Grant TokenGrant(const VerifiedToken& token, const StateKey& key);

// Whether an expired token may still try what a lock that was taken with it allows: not longer ago
// than `grace_s`, and only to read, write and unlock. The lock itself is looked at later.
bool IsWithinGrace(const VerifiedToken& token, Verb verb, int64_t grace_s, int64_t now_s);

class JwtAuthenticator : public Authenticator {
 public:
  // Both must outlive it. grace_s: LOCK_GRACE; 0 = none.
  JwtAuthenticator(TokenVerifier& verifier, const Clock& clock, int64_t grace_s)
      : verifier_(verifier), clock_(clock), grace_s_(grace_s) {}

  std::string_view Name() const override { return "jwt"; }
  bool Takes(const Credentials& credentials) const override {
    return IsTokenCredential(credentials);
  }
  // kUnauthenticated and kUnavailable: as TokenVerifier. kPermissionDenied: the claim is missing or
  // names another state.
  Result<Grant> Authorize(const Credentials& credentials, const StateKey& key, Verb verb) override;
  Result<Identity> Identify(const Credentials& credentials) override;

 private:
  TokenVerifier& verifier_;
  const Clock& clock_;
  const int64_t grace_s_;
};

}  // namespace stateward

#endif  // STATEWARD_AUTH_JWT_AUTHENTICATOR_H_
