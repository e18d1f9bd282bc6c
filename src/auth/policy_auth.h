// Identified users: everybody whom the policy, an issuer or the web server knows. The policy's
// rules decide what each may do.
#ifndef STATEWARD_AUTH_POLICY_AUTH_H_
#define STATEWARD_AUTH_POLICY_AUTH_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "auth/logins.h"
#include "auth/policy.h"
#include "auth/token_verifier.h"
#include "stateward/authenticator.h"
#include "stateward/clock.h"
#include "stateward/result.h"

namespace stateward {

// Makes the verifier over these issuers, and over those of the settings; nullptr: there are none.
using OpenVerifier =
    std::function<Result<std::shared_ptr<TokenVerifier>>(const std::vector<PolicyIssuer>& issuers)>;

class PolicyAuthenticator : public Authenticator {
 public:
  // `open` is called for the first token, and again when the policy's issuers have changed.
  // What is given must outlive it. lock_grace_s: LOCK_GRACE; 0 = none. nested_names: NESTED_NAMES.
  PolicyAuthenticator(PolicyFile& file, Logins& logins, OpenVerifier open, const Clock& clock,
                      int64_t lock_grace_s, bool nested_names)
      : file_(file),
        logins_(logins),
        open_(std::move(open)),
        clock_(clock),
        grace_s_(lock_grace_s),
        nested_names_(nested_names) {}

  std::string_view Name() const override { return "policy"; }
  // Whatever nobody before it took.
  bool Takes(const Credentials&) const override { return true; }
  // Also kTooManyRequests and kOverloaded: auth/logins.h. kUnavailable: there is no policy yet.
  Result<Grant> Authorize(const Credentials& credentials, const StateKey& key, Verb verb) override;
  Result<Identity> Identify(const Credentials& credentials) override;

 private:
  struct Who;
  Result<Who> Prove(const Credentials& credentials, std::shared_ptr<const Policy>* policy);
  Result<Who> FindWho(const Policy& policy, const Credentials& credentials);
  Result<std::shared_ptr<TokenVerifier>> Verifier(const Policy& policy);
  // Of a token that expired then, since 1970: OK while it may still use the lock that was taken
  // with it.
  Status CheckAge(int64_t expired_s) const;
  Result<Who> IdentifyToken(const Policy& policy, const SecretString& token);
  Result<Who> IdentifyMachine(const Policy& policy, const SecretString& token);

  PolicyFile& file_;
  Logins& logins_;
  const OpenVerifier open_;
  const Clock& clock_;
  const int64_t grace_s_;
  const bool nested_names_;
  std::mutex verifier_mutex_;
  bool opened_ = false;
  std::vector<PolicyIssuer> issuers_;        // that verifier_ was made over
  std::shared_ptr<TokenVerifier> verifier_;  // kept until no request uses it
};

// The grant of an identified user, but for who it is.
Grant IdentifiedGrant(const StateKey& key, const Decision& decision);

}  // namespace stateward

#endif  // STATEWARD_AUTH_POLICY_AUTH_H_
