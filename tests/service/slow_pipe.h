// One connection to the tests' Postgres through a line that can be made slow in that direction.
#ifndef STATEWARD_TESTS_SERVICE_SLOW_PIPE_H_
#define STATEWARD_TESTS_SERVICE_SLOW_PIPE_H_

#include <CppUTest/TestHarness.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "service/service_env.h"

namespace stateward {

class SlowPipe {
 public:
  SlowPipe() : url_(ServiceEnv("POSTGRES")) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof(address);
    CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    CHECK(listen(listener_, 1) == 0);
    CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~SlowPipe() {
    end_ = true;
    thread_.join();
    close(listener_);
  }
  SlowPipe(const SlowPipe&) = delete;
  SlowPipe& operator=(const SlowPipe&) = delete;

  // As the tests' own, through the pipe. It lies on this host.
  std::string Connection() const {
    std::string url = url_;
    return url.replace(PortAt(), PortEnd() - PortAt(), std::to_string(port_));
  }
  void SlowDown(std::chrono::microseconds for_each_kib) { us_for_kib_ = for_each_kib.count(); }

 private:
  static sockaddr_in Loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  size_t PortAt() const { return url_.find(':', url_.find('@')) + 1; }
  size_t PortEnd() const { return url_.find('/', PortAt()); }

  bool WaitFor(std::vector<pollfd>* watched) const {
    while (!end_) {
      if (poll(watched->data(), watched->size(), 50) > 0) return true;
    }
    return false;
  }
  void Run() {
    std::vector<pollfd> watched = {{listener_, POLLIN, 0}};
    if (!WaitFor(&watched)) return;
    const int client = accept(listener_, nullptr, nullptr);
    const int server = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in there =
        Loopback(static_cast<uint16_t>(std::stoi(url_.substr(PortAt(), PortEnd() - PortAt()))));
    if (connect(server, reinterpret_cast<const sockaddr*>(&there), sizeof(there)) == 0) {
      watched = {{client, POLLIN, 0}, {server, POLLIN, 0}};
      bool open = true;
      while (open && WaitFor(&watched)) {
        if (watched[0].revents != 0) open = Pass(client, server, us_for_kib_);
        if (open && watched[1].revents != 0) open = Pass(server, client, 0);
      }
    }
    close(client);
    close(server);
  }
  static bool Pass(int from, int to, int64_t us_for_kib) {
    std::array<char, 65536> piece;
    const ssize_t size = recv(from, piece.data(), piece.size(), 0);
    if (size <= 0) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(size * us_for_kib / 1024));
    for (ssize_t sent = 0; sent < size;) {
      const ssize_t more =
          send(to, piece.data() + sent, static_cast<size_t>(size - sent), MSG_NOSIGNAL);
      if (more <= 0) return false;
      sent += more;
    }
    return true;
  }

  const std::string url_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<int64_t> us_for_kib_{0};
  std::atomic<bool> end_{false};
  std::thread thread_;
};

}  // namespace stateward

#endif  // STATEWARD_TESTS_SERVICE_SLOW_PIPE_H_
