// The original's basic auth: user "basic", and the secret selects the namespace. No password is
// checked, because there is none: who knows the secret is the owner of what was stored under it.
#ifndef STATEWARD_AUTH_BASIC_H_
#define STATEWARD_AUTH_BASIC_H_

#include "stateward/authenticator.h"

namespace stateward {

class BasicAuthenticator : public Authenticator {
 public:
  std::string_view Name() const override { return "basic"; }
  // kUnauthenticated: an empty secret, or one of more than 4096 bytes.
  Result<Grant> Authorize(const Credentials& credentials, const StateKey& key, Verb verb) override;
};

// hex sha256(project "-" name): the original's id for identified users.
std::string LegacyId(const StateKey& key);
// hex sha256(secret ":" LegacyId(key)): its id under basic auth.
std::string LegacyId(const SecretString& secret, const StateKey& key);
// Whether project "-" name can be split at another dash into two valid names.
bool IsLegacyAmbiguous(const StateKey& key);

}  // namespace stateward

#endif  // STATEWARD_AUTH_BASIC_H_
