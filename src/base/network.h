// The network that a client's address belongs to, as far as one client can choose its address.
#ifndef STATEWARD_BASE_NETWORK_H_
#define STATEWARD_BASE_NETWORK_H_

#include <sys/socket.h>

#include <string>

namespace stateward {

// "1.2.3.4" (also for ::ffff:1.2.3.4); "2001:db8:0:1::/64" for IPv6, where a client has all 2^64
// addresses of its prefix; another text as it is, cut to 128 bytes. Pure.
std::string NetworkOf(const std::string& address);

// Whether this is an address of the Internet at large: not loopback, link-local, private, shared,
// multicast or set aside for anything; of an IPv6 address that stands for an IPv4 one (mapped,
// compatible, 6to4, NAT64), that one is judged. Pure.
bool IsPublicAddress(const sockaddr* address);

}  // namespace stateward

#endif  // STATEWARD_BASE_NETWORK_H_
