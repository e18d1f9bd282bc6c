// A second opinion on a token's signature, by another implementation than the first.
#ifndef STATEWARD_AUTH_SECOND_VERIFIER_H_
#define STATEWARD_AUTH_SECOND_VERIFIER_H_

#include <string_view>

#include "auth/jwk.h"
#include "auth/jwt_verify.h"
#include "stateward/result.h"

namespace stateward {

// Thread-safe.
class SecondVerifier {
 public:
  virtual ~SecondVerifier() = default;
  // Whether it can judge such tokens at all.
  virtual bool CanJudge(const ParsedToken& token) const = 0;
  // Whether `key`, which verified the token first, verifies it here, too. `text`: the whole token,
  // that `token` was parsed from. kOverloaded: no memory for it.
  // REQUIRES: CanJudge(token), and the first verifier accepted it with this key.
  virtual Result<bool> Accepts(std::string_view text, const ParsedToken& token,
                               const VerifyKey& key) const = 0;
};

}  // namespace stateward

#endif  // STATEWARD_AUTH_SECOND_VERIFIER_H_
