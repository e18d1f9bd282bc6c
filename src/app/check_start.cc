#include "app/check_start.h"

#include <utility>

#include "app/backends.h"
#include "app/open_auth.h"
#include "app/ways_in.h"
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
  return StatusOf(IssuersOf(config));
}

Status CheckMetrics(const Config& config) {
  if (config.metrics_listen_addr.empty()) return Status();
  return MetricsListener::CheckAddress(config.metrics_listen_addr);
}

}  // namespace

StartCheck CheckStart(const Config& config, const Log& log) {
  StartCheck out;
  const auto note = [&out](const Status& status) {
    if (!status.ok()) out.errors.push_back(status.detail());
  };
  note(CheckListen(config.fastcgi_listen));
  note(CheckMetrics(config));
  Result<PeerRules> peers = PeerRules::Parse(config.fastcgi_allow, config.fastcgi_peer_uids);
  note(StatusOf(peers));
  if (peers.ok()) out.peers = std::move(*peers);
  note(StatusOf(OpenBackends(config, PosixDisk())));
  note(CheckIssuer(config));
  Result<std::string> ways_in = DescribeWaysIn(config, log);
  note(StatusOf(ways_in).At("AUTH_POLICY_FILE"));
  if (ways_in.ok()) out.ways_in = std::move(*ways_in);
  return out;
}

}  // namespace stateward
