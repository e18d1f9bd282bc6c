// The network that a client's address belongs to, as far as one client can choose its address.
#ifndef STATEWARD_BASE_NETWORK_H_
#define STATEWARD_BASE_NETWORK_H_

#include <string>

namespace stateward {

// "1.2.3.4" (also for ::ffff:1.2.3.4); "2001:db8:0:1::/64" for IPv6, where a client has all 2^64
// addresses of its prefix; another text as it is, cut to 128 bytes. Pure.
std::string NetworkOf(const std::string& address);

}  // namespace stateward

#endif  // STATEWARD_BASE_NETWORK_H_
