// The TokenVerifier over the configured issuers.
#ifndef STATEWARD_AUTH_ISSUERS_H_
#define STATEWARD_AUTH_ISSUERS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "auth/auth_settings.h"
#include "auth/token_verifier.h"
#include "base/log.h"
#include "client/http_client.h"
#include "stateward/clock.h"
#include "stateward/disk.h"
#include "stateward/result.h"

namespace stateward {

// Each issuer has a thread and a connection of its own.
inline constexpr size_t kMaxIssuers = 16;

// How an issuer is reached; tests have a web of their own.
using Connect = std::function<Result<std::unique_ptr<HttpClient>>(const HttpClientOptions&)>;

// What was verified is remembered for a minute at most, so that the requests of one client do not
// each pay for the signature; not beyond a change of the issuer's keys, and the times are looked at
// again each time.
//
// kInvalidArgument: more than kMaxIssuers, one twice, a URL that CheckIssuerUrl refuses, neither
// audiences nor any_audience, a CA file that cannot be read. An issuer that does not answer is no
// error. `runtime_folder` as IssuerOptions::cache_folder. The references must outlive the result.
Result<std::unique_ptr<TokenVerifier>> NewTokenVerifier(const std::vector<IssuerSettings>& issuers,
                                                        const std::string& runtime_folder,
                                                        Disk& disk, const Clock& clock,
                                                        const Log& log,
                                                        const Connect& connect = NewCurlClient);

}  // namespace stateward

#endif  // STATEWARD_AUTH_ISSUERS_H_
