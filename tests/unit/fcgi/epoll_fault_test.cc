// When the system does not take a connection into the epoll set, it is closed: nobody would ever be
// woken for it.
#include <CppUTest/TestHarness.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "fcgi/connections.h"

namespace {
std::atomic<int> failing_operation{0};
}  // namespace

// In place of the C library's, for this program.
extern "C" int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
  if (operation == failing_operation) {
    errno = ENOSPC;
    return -1;
  }
  return static_cast<int>(syscall(SYS_epoll_ctl, epoll, operation, fd, event));
}

namespace stateward {

TEST_GROUP(EpollFault) {
  Memory memory{1 << 20, 50};
  Connections connections;
  Bytes scratch = Bytes(1000);
  int epoll = -1;
  int peer = -1;
  Connection* connection = nullptr;

  void setup() override {
    int pair[2];
    LONGS_EQUAL(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    peer = pair[1];
    epoll = epoll_create1(EPOLL_CLOEXEC);
    connections.UseEpoll(epoll);
    connection = connections.Add(pair[0], true, memory, 10, 0);
  }
  void teardown() override {
    failing_operation = 0;
    close(peer);
    close(epoll);
  }
  // The connection is gone, and its peer sees that.
  void IsClosed() {
    char byte = 0;
    LONGS_EQUAL(0, connections.Count());
    LONGS_EQUAL(0, recv(peer, &byte, 1, MSG_DONTWAIT));
  }
};

TEST(EpollFault, ANewConnectionIsClosed) {
  failing_operation = EPOLL_CTL_ADD;
  CHECK_FALSE(connections.Park(connection));
  IsClosed();
}

TEST(EpollFault, AKnownConnectionIsClosed) {
  CHECK(connections.Park(connection));
  CHECK(connections.Take(connection->id()) == connection);
  failing_operation = EPOLL_CTL_MOD;
  CHECK_FALSE(connections.Park(connection));
  IsClosed();
}

TEST(EpollFault, WithoutTheFaultItIsKept) {
  CHECK(connections.Park(connection));
  LONGS_EQUAL(1, connections.Count());
}

}  // namespace stateward
