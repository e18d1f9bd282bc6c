// The second opinion of libjwt 1.10: RS256, RS384, RS512, ES256, ES384 and ES512, with the type JWT
// or without one. It knows neither PS256 nor EdDSA, and refuses the type at+jwt.
#ifndef STATEWARD_AUTH_LIBJWT_VERIFIER_H_
#define STATEWARD_AUTH_LIBJWT_VERIFIER_H_

#include "auth/second_verifier.h"

namespace stateward {

// The one instance; it has no state.
const SecondVerifier& Libjwt();

}  // namespace stateward

#endif  // STATEWARD_AUTH_LIBJWT_VERIFIER_H_
