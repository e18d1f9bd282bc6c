#include "app/open_auth.h"

#include <string>
#include <utility>

namespace stateward {

Result<std::vector<IssuerSettings>> IssuersOf(const Config& config) {
  if (!HasTokenIssuer(config)) return std::vector<IssuerSettings>();
  IssuerSettings issuer = config.auth.jwt;
  bool audience = !issuer.audiences.empty() || issuer.any_audience;
  if (issuer.url.empty()) {
    const std::string& addr = config.kms.vault.address;
    issuer.url = addr.substr(0, addr.find_last_not_of('/') + 1) + "/v1/identity/oidc";
    if (issuer.ca_file.empty()) issuer.ca_file = config.kms.vault.ca_file;
  }
  if (!audience) {
    return Status::InvalidArgument(
        "AUTH_JWT_OIDC_ISSUER_URL needs AUTH_JWT_AUDIENCE (or, as with terraform-backend, "
        "AUTH_JWT_ALLOW_ANY_AUDIENCE=true)");
  }
  return std::vector<IssuerSettings>{std::move(issuer)};
}

Result<std::shared_ptr<TokenVerifier>> OpenPolicyIssuers(const std::vector<PolicyIssuer>& issuers,
                                                         const std::string& runtime_folder,
                                                         Disk& disk, const Log& log,
                                                         Observer& observer) {
  if (issuers.empty()) return std::shared_ptr<TokenVerifier>();
  std::vector<IssuerSettings> settings;
  for (const PolicyIssuer& issuer : issuers) {
    settings.push_back({issuer.url, issuer.audiences, false, issuer.ca_file});
  }
  Result<std::unique_ptr<TokenVerifier>> made =
      NewTokenVerifier(settings, runtime_folder, disk, SystemClock(), log, observer);
  if (!made.ok()) return std::move(made).status();
  return std::shared_ptr<TokenVerifier>(std::move(*made));
}

}  // namespace stateward
