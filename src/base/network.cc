#include "base/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>
#include <cstring>

namespace stateward {

namespace {

// The special-purpose registries of IANA (RFC 6890), and multicast.
bool IsPublicV4(uint32_t address) {
  constexpr struct {
    uint32_t front;
    int bits;
  } kSpecial[] = {
      {0x00000000, 8},   // this network
      {0x0a000000, 8},   // private
      {0x64400000, 10},  // shared by a provider's clients
      {0x7f000000, 8},   // loopback
      {0xa9fe0000, 16},  // link-local; metadata of clouds
      {0xac100000, 12},  // private
      {0xc0000000, 24},  // protocol assignments
      {0xc0000200, 24},  // documentation
      {0xc0586300, 24},  // 6to4 relays
      {0xc0a80000, 16},  // private
      {0xc6120000, 15},  // benchmarks
      {0xc6336400, 24},  // documentation
      {0xcb007100, 24},  // documentation
      {0xe0000000, 4},   // multicast
      {0xf0000000, 4},   // reserved, broadcast
  };
  for (const auto& range : kSpecial) {
    if ((address ^ range.front) >> (32 - range.bits) == 0) return false;
  }
  return true;
}

uint32_t V4At(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

bool IsPublicV6(const uint8_t* a) {
  static constexpr uint8_t kZeros[12] = {};
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  static constexpr uint8_t kNat64[12] = {0, 0x64, 0xff, 0x9b};
  for (const uint8_t* front : {kZeros, kMapped, kNat64}) {
    if (memcmp(a, front, 12) == 0) return IsPublicV4(V4At(a + 12));
  }
  if (a[0] == 0x20 && a[1] == 0x02) return IsPublicV4(V4At(a + 2));  // 6to4
  if (a[0] == 0x20 && a[1] == 0x01 && a[2] < 2) return false;        // Teredo, special
  if (a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8) return false;  // documentation
  // Global unicast is 2000::/3: no loopback, no fc00::/7, fe80::/10, ff00::/8, local NAT64.
  return (a[0] & 0xe0) == 0x20;
}

}  // namespace

std::string NetworkOf(const std::string& address) {
  constexpr size_t kMax = 128;
  in6_addr six{};
  if (inet_pton(AF_INET6, address.c_str(), &six) != 1) return address.substr(0, kMax);
  char text[INET6_ADDRSTRLEN] = "";
  if (IN6_IS_ADDR_V4MAPPED(&six) != 0) {
    inet_ntop(AF_INET, &six.s6_addr[12], text, sizeof text);
    return text;
  }
  memset(&six.s6_addr[8], 0, 8);
  inet_ntop(AF_INET6, &six, text, sizeof text);
  return std::string(text) + "/64";
}

bool IsPublicAddress(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4;
    memcpy(&v4, address, sizeof v4);
    return IsPublicV4(ntohl(v4.sin_addr.s_addr));
  }
  if (address->sa_family != AF_INET6) return false;
  sockaddr_in6 v6;
  memcpy(&v6, address, sizeof v6);
  return IsPublicV6(v6.sin6_addr.s6_addr);
}

}  // namespace stateward
