#include "app/ways_in.h"

#include <memory>

#include "app/open_auth.h"
#include "auth/policy.h"
#include "base/counted.h"
#include "stateward/clock.h"

namespace stateward {

Result<std::string> DescribeWaysIn(const Config& config, const Log& log, bool strict) {
  std::string open;
  auto add = [&open](const std::string& way) { open += (open.empty() ? "" : ", ") + way; };
  if (config.auth.basic_enabled) {
    add(config.rules.new_tenants
            ? "basic (each secret a namespace)"
            : "basic (each known secret a namespace; AUTH_BASIC_NEW_TENANTS=true opens new ones)");
  }
  if (config.auth.policy_file.empty()) {
    Result<std::vector<IssuerSettings>> issuers = IssuersOf(config);
    if (!issuers.ok()) return std::move(issuers).status();
    for (const IssuerSettings& issuer : *issuers) add("tokens of " + issuer.url);
  } else {
    PolicyFile file(SystemClock(), log, config.auth.policy_file);
    Status checked = file.Check();
    if (!checked.ok() && (strict || !file.Loaded())) return checked;
    std::shared_ptr<const Policy> policy = file.Current();
    add(Counted(policy->users.size(), "user"));
    add(Counted(policy->tokens.size(), "machine token"));
    add("tokens of " + Counted(policy->issuers.size(), "issuer") + " of the policy");
    if (config.auth.proxy_enabled) add("identities of the web server");
  }
  return "ways in: " + (open.empty() ? "none" : open);
}

}  // namespace stateward
