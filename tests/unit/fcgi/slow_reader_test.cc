// An answer that is read slowly, by a clock that the test turns: who is fast enough gets all of it,
// whatever lumps the sockets make of it.
#include <CppUTest/TestHarness.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "doubles/fcgi_peer.h"
#include "fcgi/connection.h"
#include "fcgi/libfcgi_bridge.h"
#include "fcgi/memory.h"

namespace stateward {
namespace {

constexpr int64_t kSecondUs = 1000000;
constexpr int kHour = 3600;

// Answers each request with 2 MiB.
class Large : public Handler {
 public:
  Judged Judge(Request, AnswerRoom&) override {
    Response response;
    response.status = 200;
    response.body.assign(size_t{2} << 20, 'x');
    return response;
  }
  Response GiveUp(const Status&, std::string_view) override { return Response(); }
};

class Source : public HandlerSource {
 public:
  std::shared_ptr<Handler> Current() override { return large_; }

 private:
  const std::shared_ptr<Handler> large_ = std::make_shared<Large>();
};

// Reads up to `most` bytes; how many there were.
size_t ReadSome(int fd, size_t most) {
  std::string some(most, '\0');
  const ssize_t n = recv(fd, some.data(), most, MSG_DONTWAIT);
  return n > 0 ? static_cast<size_t>(n) : 0;
}

}  // namespace

TEST_GROUP(SlowReader) {
  Log log{LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kFatal};
  Bytes scratch = Bytes(size_t{16} * 1024);
  Memory memory{uint64_t{64} << 20, 50};
  Source source;
  ConnectionLimits limits;  // the defaults
  using Next = Connection::Next;

  void setup() override { CHECK(InitFcgiLibrary().ok()); }

  // As the loop does it, second after second. The peer reads `lump` bytes in the first second and
  // then each `every` seconds. Returns the second at which it is cut off, or kHour.
  int CutOff(size_t lump, int every) {
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    const int half = 106496;  // Linux makes its default of it, 208 KiB
    CHECK(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &half, sizeof half) == 0);
    int second = 0;
    {
      Connection connection(16, pair[0], false, memory, 0);
      const std::string request = HeadOf("GET", "") + Record(kPeerStdin, "");
      CHECK(write(pair[1], request.data(), request.size()) > 0);
      Next next = connection.OnReady(0, &scratch);
      CHECK(next == Next::kThink);
      next = connection.Think(source, log, 0);
      while (next == Next::kWait && connection.phase() == Connection::Phase::kAnswer &&
             ++second < kHour) {
        if (second % every == 1 % every) ReadSome(pair[1], lump);
        next = Second(&connection, pair[0], second * kSecondUs);
      }
      CHECK(next == Next::kWait || next == Next::kSlow);
      if (next == Next::kWait) second = kHour;
    }
    close(pair[1]);
    return second;
  }
  Next Second(Connection * connection, int fd, int64_t now_us) {
    // EPOLLIN and EPOLLOUT are POLLIN and POLLOUT.
    pollfd ready{fd, static_cast<short>(connection->Events() & (POLLIN | POLLOUT)), 0};
    if (poll(&ready, 1, 0) > 0) return connection->OnReady(now_us, &scratch);
    if (connection->IsDue(now_us, limits)) return connection->OnDue(now_us, limits);
    return Next::kWait;
  }
};

TEST(SlowReader, AsFastAsDocumentedIsFastEnough) {
  // A phone line; nginx reads 64 KiB when so much went to its client.
  CHECK_EQUAL(kHour, CutOff(1000, 1));
  CHECK_EQUAL(kHour, CutOff(65536, 65));
  CHECK_EQUAL(kHour, CutOff(600, 1));
}

TEST(SlowReader, WhoIsSlowerIsCutOff) {
  const int still = CutOff(0, 1);
  CHECK(still > limits.rate.seconds && still <= 2 * limits.rate.seconds + 1);
  CHECK(CutOff(300, 1) < 10 * limits.rate.seconds);
  // Nor does a lot at once buy time for ever.
  CHECK(CutOff(size_t{1} << 20, kHour) <= 3 * limits.rate.seconds + 1);
}

}  // namespace stateward
