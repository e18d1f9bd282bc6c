// The original's basic auth: user "basic", and the secret selects the namespace. No password is
// checked, because there is none: who knows the secret is the owner of what was stored under it.
#ifndef STATEWARD_AUTH_BASIC_H_
#define STATEWARD_AUTH_BASIC_H_

#include <functional>
#include <string>
#include <utility>

#include "stateward/authenticator.h"

namespace stateward {

class BasicAuthenticator : public Authenticator {
 public:
  // Names the owner of a namespace for the log, lock records and versions, from its tenant: by a
  // digest with a key that no reader of those has. kUnavailable, kUnknownKey: the key is not there
  // yet (StoreSecret::NameOf).
  using NameFn = std::function<Result<std::string>(const std::string& tenant)>;

  explicit BasicAuthenticator(NameFn name) : name_(std::move(name)) {}
  // Users with tokens come in another way: what has the form of one (auth/logins.h) is left to
  // that, also under the user name `basic`, where it would open an empty namespace. Before the
  // first request.
  void LeaveTokens() { leaves_tokens_ = true; }
  std::string_view Name() const override { return "basic"; }
  bool Takes(const Credentials& credentials) const override;
  // kUnauthenticated: an empty secret, or one of more than 4096 bytes. kUnavailable, kUnknownKey:
  // it cannot be named; only reading goes on then, as "basic" alone.
  Result<Grant> Authorize(const Credentials& credentials, const StateKey& key, Verb verb) override;
  Result<Identity> Identify(const Credentials& credentials) override;

 private:
  const NameFn name_;
  bool leaves_tokens_ = false;
};

// hex sha256(project "-" name): the original's id for identified users.
std::string LegacyId(const StateKey& key);
// hex sha256(secret ":" LegacyId(key)): its id under basic auth.
std::string LegacyId(const SecretString& secret, const StateKey& key);
// Whether project "-" name can be split at another dash into two valid names.
bool IsLegacyAmbiguous(const StateKey& key);

}  // namespace stateward

#endif  // STATEWARD_AUTH_BASIC_H_
