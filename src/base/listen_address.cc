#include "base/listen_address.h"

#include <netdb.h>

#include <charconv>
#include <cstdint>
#include <cstring>

namespace stateward {
namespace {

// getaddrinfo takes a larger number and cuts it to 16 bits; 0 would be any port.
bool IsPort(const std::string& text) {
  uint32_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

}  // namespace

Result<ListenAddress> ParseListenAddress(const std::string& setting, const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) {
    return Status::InvalidArgument(setting + " must be host:port or [v6 address]:port");
  }
  std::string host = text.substr(0, colon);
  const std::string port = text.substr(colon + 1);
  if (!IsPort(port)) {
    return Status::InvalidArgument(setting + ": " + text + ": a port is a number from 1 to 65535");
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) {
    return Status::InvalidArgument(setting + ": " + text + ": " + gai_strerror(error));
  }
  ListenAddress out;
  std::memcpy(&out.address, found->ai_addr, found->ai_addrlen);
  out.size = found->ai_addrlen;
  freeaddrinfo(found);
  return out;
}

}  // namespace stateward
