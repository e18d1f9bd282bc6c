#include "base/loopback.h"

#include <arpa/inet.h>

#include <string>

namespace stateward {

bool IsLoopback(std::string_view host) {
  if (host == "localhost" || host == "::1" || host == "[::1]") return true;
  unsigned char bytes[4];
  return inet_pton(AF_INET, std::string(host).c_str(), bytes) == 1 && bytes[0] == 127;
}

}  // namespace stateward
