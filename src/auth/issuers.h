// The TokenVerifier over the configured issuers.
#ifndef STATEWARD_AUTH_ISSUERS_H_
#define STATEWARD_AUTH_ISSUERS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "auth/auth_settings.h"
#include "auth/issuer.h"
#include "auth/libjwt_verifier.h"
#include "auth/second_verifier.h"
#include "auth/token_verifier.h"
#include "base/log.h"
#include "http_client/http_client.h"
#include "stateward/clock.h"
#include "stateward/disk.h"
#include "stateward/observer.h"
#include "stateward/result.h"

namespace stateward {

// Each issuer has a thread and a connection of its own.
inline constexpr size_t kMaxIssuers = 16;

// How an issuer is reached; tests have a web of their own.
using Connect = std::function<Result<std::unique_ptr<HttpClient>>(const HttpClientOptions&)>;

// What tests replace.
struct TokenParts {
  Connect connect = NewCurlClient;
  const SecondVerifier* second = &Libjwt();
  int64_t wait_ms = kWaitForKeysMs;  // of IssuerOptions
};

// A signature that OpenSSL accepted is verified by libjwt as well, where it can; a token enters
// only when both agree. What one refuses is 401, and a disagreement is logged and counted.
//
// What was verified is remembered for a minute at most, so that the requests of one client do not
// each pay for the signature; not beyond a change of the issuer's keys, and the times are looked at
// again each time.
//
// kInvalidArgument: more than kMaxIssuers, one twice, a URL that CheckIssuerUrl refuses, neither
// audiences nor any_audience. An issuer that does not answer, or whose CA file cannot be read, is
// no error: its tokens are kUnavailable, those of the others are not. `runtime_folder` as
// IssuerOptions::cache_folder. The references must outlive the result.
Result<std::unique_ptr<TokenVerifier>> NewTokenVerifier(const std::vector<IssuerSettings>& issuers,
                                                        const std::string& runtime_folder,
                                                        Disk& disk, const Clock& clock,
                                                        const Log& log, Observer& observer,
                                                        const TokenParts& parts = {});

}  // namespace stateward

#endif  // STATEWARD_AUTH_ISSUERS_H_
