// What REDIS_ADDR says (docs/lock.md, "redis").
#ifndef STATEWARD_REDIS_REDIS_ADDRESS_H_
#define STATEWARD_REDIS_REDIS_ADDRESS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "stateward/result.h"

namespace stateward {

struct HostPort {
  std::string host;
  uint16_t port = 0;
};

struct RedisAddress {
  std::string unix_path;             // a unix socket; "" = TCP
  std::string sentinel_group;        // the name that the sentinels know the master by; "" = none
  std::vector<HostPort> host_ports;  // the server, or the sentinels
};

// "host:port", "[v6]:port", "unix:/path", "sentinel:NAME@host:port,host:port,…". Without a port:
// 6379, of a sentinel 26379. kInvalidArgument: what would be right.
Result<RedisAddress> ParseRedisAddress(std::string_view text);

}  // namespace stateward

#endif  // STATEWARD_REDIS_REDIS_ADDRESS_H_
