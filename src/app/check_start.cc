#include "app/check_start.h"

#include <fcntl.h>

#include <utility>

#include "app/backends.h"
#include "app/open_auth.h"
#include "app/ways_in.h"
#include "auth/ca_file.h"
#include "auth/key_fetch.h"
#include "hooks/hook_sender.h"
#include "metrics/listener.h"
#include "stateward/disk.h"

namespace stateward {
namespace {

template <typename T>
Status StatusOf(const Result<T>& result) {
  return result.ok() ? Status() : result.status();
}

// A policy's rules take the place of AUTH_JWT_*.
Status CheckIssuer(const Config& config) {
  if (!config.auth.policy_file.empty()) return Status();
  Result<std::vector<IssuerSettings>> issuers = IssuersOf(config);
  if (!issuers.ok()) return std::move(issuers).status();
  for (const IssuerSettings& issuer : *issuers) {
    STATEWARD_RETURN_IF_ERROR(CheckIssuerUrl(issuer.url).At("AUTH_JWT_OIDC_ISSUER_URL"));
    if (issuer.ca_file.empty()) continue;
    STATEWARD_RETURN_IF_ERROR(CheckCaFile(issuer.ca_file).At("AUTH_JWT_CA_FILE"));
  }
  return Status();
}

Status CheckMetrics(const Config& config) {
  if (config.metrics_listen_addr.empty()) return Status();
  return MetricsListener::CheckAddress(config.metrics_listen_addr);
}

Status CheckWebhook(const Config& config) {
  if (!config.hooks.on()) return Status();
  STATEWARD_RETURN_IF_ERROR(CheckHooks(config.hooks));
  if (config.hooks.ca_file.empty()) return Status();
  return CheckCaFile(config.hooks.ca_file).At("WEBHOOK_CA_FILE");
}

// One that is not there yet is made.
Status CheckTrail(const Config& config) {
  if (config.audit.file.empty()) return Status();
  DiskStat stat;
  const int r = PosixDisk().StatAt(AT_FDCWD, config.audit.file.c_str(), &stat);
  if (r < 0 || stat.is_file) return Status();
  return Status::InvalidArgument("AUDIT_FILE: " + config.audit.file + " is no regular file");
}

}  // namespace

StartCheck CheckStart(const Config& config, const Log& log, bool strict) {
  StartCheck out;
  const auto note = [&out](const Status& status) {
    if (!status.ok()) out.errors.push_back(status.detail());
  };
  note(CheckListen(config.fastcgi_listen));
  note(CheckMetrics(config));
  note(CheckWebhook(config));
  note(CheckTrail(config));
  Result<PeerRules> peers = PeerRules::Parse(config.fastcgi_allow, config.fastcgi_peer_uids);
  note(StatusOf(peers));
  if (peers.ok()) out.peers = std::move(*peers);
  note(StatusOf(OpenBackends(config, PosixDisk())));
  const Status issuer = CheckIssuer(config);
  note(issuer);
  if (!issuer.ok()) return out;  // the ways in would say the same
  Result<std::string> ways_in = DescribeWaysIn(config, log, strict);
  note(StatusOf(ways_in).At("AUTH_POLICY_FILE"));
  if (ways_in.ok()) out.ways_in = std::move(*ways_in);
  return out;
}

}  // namespace stateward
