#include "base/network.h"

#include <arpa/inet.h>

#include <cstring>

namespace stateward {

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

}  // namespace stateward
