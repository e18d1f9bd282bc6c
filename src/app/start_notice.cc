#include "app/start_notice.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>

namespace stateward {

void StartNotice::Ready() const { Tell("READY=1\n"); }

void StartNotice::Reloading() const {
  // systemd wants to know which reload it is: by the monotonic clock (sd_notify(3)).
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const int64_t us = int64_t{now.tv_sec} * 1000000 + now.tv_nsec / 1000;
  Tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(us) + "\n");
}

void StartNotice::Stopping() const { Tell("STOPPING=1\n"); }

void StartNotice::Tell(std::string_view lines) const {
  if (socket_.empty()) return;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (socket_.size() >= sizeof(address.sun_path) || (socket_[0] != '/' && socket_[0] != '@')) {
    log_.Warning("NOTIFY_SOCKET is no address of a socket: " + socket_);
    return;
  }
  memcpy(address.sun_path, socket_.data(), socket_.size());
  size_t length = offsetof(sockaddr_un, sun_path) + socket_.size();
  if (socket_[0] == '@') {
    address.sun_path[0] = '\0';  // an abstract name has no 0 at its end
  } else {
    ++length;
  }
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool told =
      fd >= 0 &&
      sendto(fd, lines.data(), lines.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address),
             static_cast<socklen_t>(length)) == static_cast<ssize_t>(lines.size());
  if (!told) log_.Warning("NOTIFY_SOCKET: " + std::string(strerror(errno)));
  if (fd >= 0) close(fd);
}

}  // namespace stateward
