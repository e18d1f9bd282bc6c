// Where to listen: an address of this host and a port, as settings say it.
#ifndef STATEWARD_BASE_LISTEN_ADDRESS_H_
#define STATEWARD_BASE_LISTEN_ADDRESS_H_

#include <sys/socket.h>

#include <string>

#include "stateward/result.h"

namespace stateward {

struct ListenAddress {
  sockaddr_storage address{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

// "host:port" or "[v6 address]:port", the host a number, the port 1 to 65535; ":port" is every
// address. kInvalidArgument, and it names the setting. Asks no name server.
Result<ListenAddress> ParseListenAddress(const std::string& setting, const std::string& text);

}  // namespace stateward

#endif  // STATEWARD_BASE_LISTEN_ADDRESS_H_
