// Identified users: everybody whom the policy, an issuer or the web server knows. The policy's
// rules decide what each may do.
#ifndef STATEWARD_AUTH_POLICY_AUTH_H_
#define STATEWARD_AUTH_POLICY_AUTH_H_

#include <cstdint>
#include <string>

#include "auth/logins.h"
#include "auth/policy.h"
#include "auth/token_verifier.h"
#include "stateward/authenticator.h"
#include "stateward/clock.h"

namespace stateward {

class PolicyAuthenticator : public Authenticator {
 public:
  // `tokens`: nullptr when no issuer is known. What is given must outlive it.
  PolicyAuthenticator(PolicyFile& file, Logins& logins, TokenVerifier* tokens, const Clock& clock,
                      int64_t lock_grace_s)
      : file_(file), logins_(logins), tokens_(tokens), clock_(clock), grace_s_(lock_grace_s) {}

  std::string_view Name() const override { return "policy"; }
  // Whatever nobody before it took.
  bool Takes(const Credentials&) const override { return true; }
  // Also kTooManyRequests and kOverloaded: auth/logins.h. kUnavailable: there is no policy yet.
  Result<Grant> Authorize(const Credentials& credentials, const StateKey& key, Verb verb) override;

 private:
  struct Who;
  Result<Who> Identify(const Policy& policy, const Credentials& credentials);
  Result<Who> IdentifyToken(const SecretString& token);
  Result<Who> IdentifyMachine(const Policy& policy, const SecretString& token);

  PolicyFile& file_;
  Logins& logins_;
  TokenVerifier* const tokens_;
  const Clock& clock_;
  const int64_t grace_s_;
};

// The grant of an identified user, but for who it is.
Grant IdentifiedGrant(const StateKey& key, const Decision& decision);

}  // namespace stateward

#endif  // STATEWARD_AUTH_POLICY_AUTH_H_
