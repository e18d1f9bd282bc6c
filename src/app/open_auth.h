// The issuers that the settings name.
#ifndef STATEWARD_APP_OPEN_AUTH_H_
#define STATEWARD_APP_OPEN_AUTH_H_

#include <memory>
#include <string>
#include <vector>

#include "auth/issuers.h"
#include "auth/policy.h"
#include "config/config.h"
#include "stateward/result.h"

namespace stateward {

// None or one: AUTH_JWT_OIDC_ISSUER_URL, or else Vault's.
// kInvalidArgument: no audience is set, and any_audience neither.
Result<std::vector<IssuerSettings>> IssuersOf(const Config& config);

// The verifier of tokens over a policy's issuers; nullptr: it has none. As NewTokenVerifier.
Result<std::shared_ptr<TokenVerifier>> OpenPolicyIssuers(const std::vector<PolicyIssuer>& issuers,
                                                         const std::string& runtime_folder,
                                                         Disk& disk, const Log& log,
                                                         Observer& observer);

}  // namespace stateward

#endif  // STATEWARD_APP_OPEN_AUTH_H_
