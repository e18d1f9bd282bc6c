// The loop with real sockets and many threads, for the thread sanitizer above all: what it does to
// requests is proved end to end (tests/e2e/test_fcgi_defects.py).
#include "fcgi/fcgi_loop.h"

#include <CppUTest/TestHarness.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/random.h"
#include "doubles/fcgi_peer.h"
#include "fcgi/libfcgi_bridge.h"

namespace stateward {
namespace {

// A body for which the handler wants random bytes from a place that has none.
constexpr char kNoRandom[] = "no random";
// The mark of a handler that lets nobody in who sends a body.
constexpr char kRefuses[] = "nobody";
// A body for which the handler wants memory that there is not.
constexpr char kNoMemory[] = "no memory";

// Says the body again, and a mark behind it. GET is answered without one.
class Echo : public Handler {
 public:
  // `fours` counts the heads of bodies of four bytes.
  Echo(std::string mark, std::atomic<int>* fours) : mark_(std::move(mark)), fours_(fours) {}
  Judged Judge(Request request, AnswerRoom&) override {
    if (request.content_length == 4U) ++*fours_;
    if (request.method == Method::kGet) return Say("none");
    if (mark_ == kRefuses) return Say("refused ");
    return std::make_unique<Begun>(*this, std::move(request));
  }
  Response GiveUp(const Status& why, std::string_view request_id) override {
    Response response = Say(std::string(CodeName(why.code())) + " " + std::string(request_id));
    response.status = 503;
    return response;
  }

 private:
  class Begun : public PendingCall {
   public:
    Begun(const Echo& echo, Request request) : echo_(echo), request_(std::move(request)) {}
    std::string_view Principal() const override { return "somebody"; }
    uint64_t BodyLimit() const override { return 1 << 20; }
    Response Finish(ByteView body) override {
      uint8_t byte = 0;
      if (body.AsString() == kNoRandom) FillFromDevice("/nowhere", &byte, sizeof byte);
      if (body.AsString() == kNoMemory) throw std::bad_alloc();
      return echo_.Say(std::string(body.AsString()));
    }
    Response Fail(const Status& why) override {
      Response response = echo_.Say(std::string(CodeName(why.code())));
      response.status = 503;
      return response;
    }
    Request GiveBack() override { return std::move(request_); }

   private:
    const Echo& echo_;
    Request request_;
  };
  Response Say(std::string text) const {
    text += mark_;
    Response response;
    response.status = 200;
    response.content_type = "text/plain";
    response.body.assign(text.begin(), text.end());
    return response;
  }
  const std::string mark_;
  std::atomic<int>* fours_;
};

class Source : public HandlerSource {
 public:
  std::shared_ptr<Handler> Current() override {
    std::lock_guard<std::mutex> hold(mutex_);
    return handler_;
  }
  void Swap(const std::string& mark) {
    std::shared_ptr<Handler> next = std::make_shared<Echo>(mark, &fours);
    std::lock_guard<std::mutex> hold(mutex_);
    handler_.swap(next);
  }
  std::atomic<int> fours{0};

 private:
  std::mutex mutex_;
  std::shared_ptr<Handler> handler_ = std::make_shared<Echo>("!", &fours);
};

}  // namespace

TEST_GROUP(FcgiLoopTsan) {
  char dir[40] = "/tmp/stateward-loop-XXXXXX";
  std::string where;
  ListenSocket listener;
  Source source;
  Log log{LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kFatal};
  std::unique_ptr<FcgiLoop> loop;

  void setup() override {
    CHECK(mkdtemp(dir) != nullptr);
    signal(SIGPIPE, SIG_IGN);
    CHECK(InitFcgiLibrary().ok());
    Result<ListenSocket> bound = BindListen("unix:" + std::string(dir) + "/s");
    CHECK(bound.ok());
    listener = *bound;
    FcgiOptions options;
    options.threads = 4;
    // No test needs a deadline, and threads that wait for a processor must not meet one.
    options.drain_s = 3600;
    options.limits.idle_s = 3600;
    options.limits.rate.seconds = 3600;
    loop = std::make_unique<FcgiLoop>(listener.fd, options, source, SystemClock(), log);
    CHECK(loop->Start().ok());
  }
  void teardown() override {
    loop.reset();
    close(listener.fd);
    [[maybe_unused]] int r = system(("rm -rf " + std::string(dir)).c_str());
  }
  int Connect();
};

int TEST_GROUP_CppUTestGroupFcgiLoopTsan::Connect() {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  getsockname(listener.fd, reinterpret_cast<sockaddr*>(&address), &size);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return connect(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0 ? fd : -1;
}

// Kept connections, more of them idle than there are threads, while the handler is exchanged.
TEST(FcgiLoopTsan, ManyConnectionsDoNotMix) {
  std::vector<int> idle;
  for (int i = 0; i < 10; ++i) {
    idle.push_back(Connect());
    STRCMP_EQUAL("first!", Ask(idle.back(), "first").c_str());
  }
  std::atomic<int> good{0};
  std::atomic<bool> stop{false};
  std::thread reloads([&] {
    while (!stop) {
      source.Swap("?");
      source.Swap("!");
      usleep(1000);
    }
  });
  std::vector<std::thread> clients;
  for (int t = 0; t < 6; ++t) {
    clients.emplace_back([&, t] {
      int fd = Connect();
      for (int i = 0; i < 30; ++i) {
        if (i % 10 == 9) {
          close(fd);
          fd = Connect();
        }
        const std::string body = std::to_string(t * 1000 + i);
        const std::string answer = Ask(fd, body);
        if (answer == body + "!" || answer == body + "?") ++good;
      }
      close(fd);
    });
  }
  for (std::thread& client : clients) client.join();
  stop = true;
  reloads.join();
  LONGS_EQUAL(180, good.load());
  source.Swap("!");
  for (int fd : idle) {
    STRCMP_EQUAL("last!", Ask(fd, "last").c_str());
    close(fd);
  }
  loop->BeginDrain(true);
  loop->Join();
}

TEST(FcgiLoopTsan, WithoutRandomBytesARequestIs503) {
  const int fd = Connect();
  CHECK(SendAll(fd, RequestOf(kNoRandom)));
  const std::string answer = ReadAnswer(fd);
  STRCMP_CONTAINS("Status: 503", answer.c_str());
  STRCMP_CONTAINS("unavailable ", answer.c_str());
  close(fd);
  const int another = Connect();
  STRCMP_EQUAL("served!", Ask(another, "served").c_str());
  close(another);
  loop->BeginDrain(true);
  loop->Join();
}

// The handler says it, with the request's id.
TEST(FcgiLoopTsan, WithoutMemoryARequestIs503) {
  const int fd = Connect();
  CHECK(SendAll(fd, RequestOf(kNoMemory)));
  const std::string answer = ReadAnswer(fd);
  STRCMP_CONTAINS("Status: 503", answer.c_str());
  const std::string id_line = "X-Request-Id: ";
  const size_t id = answer.find(id_line);
  CHECK(id != answer.npos);
  STRCMP_CONTAINS(("overloaded " + answer.substr(id + id_line.size(), 32) + "!").c_str(),
                  answer.c_str());
  STRCMP_EQUAL("served!", Ask(fd, "served").c_str());
  close(fd);
  loop->BeginDrain(true);
  loop->Join();
}

// While it drains, what comes on a kept connection is still served.
TEST(FcgiLoopTsan, DrainLosesNoRequest) {
  constexpr int kClients = 4;
  std::atomic<int> answered{0};
  std::atomic<int> lost{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> clients;
  for (int t = 0; t < kClients; ++t) {
    clients.emplace_back([&] {
      const int fd = Connect();
      bool served = true;
      while (served && !stop) {
        served = Ask(fd, "x") == "x!";
        ++(served ? answered : lost);
      }
      close(fd);
    });
  }
  // A client that was not served has ended: without clients no answer comes any more.
  const auto wait_for = [&](int answers) {
    while (answered < answers && lost < kClients) usleep(1000);
  };
  wait_for(20);
  loop->BeginDrain(true);
  const int before = answered;
  wait_for(before + 8);
  stop = true;
  for (std::thread& client : clients) client.join();
  loop->Join();
  LONGS_EQUAL(0, lost.load());
  CHECK(answered >= before + 8);
}

// An orphaned worker gives the socket away, so that its successor need not wait: an idle one ends
// at once.
TEST(FcgiLoopTsan, ASocketThatWasGivenAwayIsNotWaitedFor) {
  Result<ListenSocket> other = BindListen("unix:" + std::string(dir) + "/other");
  CHECK(other.ok());
  FcgiOptions options;
  options.threads = 2;
  options.drain_s = 300;
  FcgiLoop idle(other->fd, options, source, SystemClock(), log);
  CHECK(idle.Start().ok());
  const int64_t began_us = SystemClock().SteadyUs();
  idle.BeginDrain(true);
  const int silent = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  dup3(silent, other->fd, O_CLOEXEC);
  close(silent);
  idle.Join();
  // Far more than a busy machine takes, and far less than the drain.
  CHECK(SystemClock().SteadyUs() - began_us < int64_t{200} * 1000 * 1000);
  close(other->fd);
  loop->BeginDrain(true);
  loop->Join();
}

// Threads that open and close descriptors all the time, in which they write what they read again:
// libfcgi, which is told a number for its connection, touches none of theirs.
TEST(FcgiLoopTsan, NobodysDescriptorIsTouched) {
  std::atomic<bool> stop{false};
  std::atomic<int> lost{0};
  std::atomic<int> turns{0};
  std::vector<std::thread> owners;
  for (int t = 0; t < 16; ++t) {
    owners.emplace_back([&, t] {
      while (!stop) {
        int pipe_fds[2];
        if (pipe2(pipe_fds, O_CLOEXEC) != 0) continue;
        char byte = static_cast<char>(t);
        char back = 0;
        bool whole = write(pipe_fds[1], &byte, 1) == 1 && read(pipe_fds[0], &back, 1) == 1;
        if (!whole || back != byte) ++lost;
        if (close(pipe_fds[0]) != 0 || close(pipe_fds[1]) != 0) ++lost;
        ++turns;
      }
    });
  }
  std::vector<std::thread> clients;
  std::atomic<int> good{0};
  for (int t = 0; t < 4; ++t) {
    clients.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const int fd = Connect();
        if (Ask(fd, "x") == "x!") ++good;
        close(fd);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  while (turns < 16) usleep(1000);
  stop = true;
  for (std::thread& owner : owners) owner.join();
  LONGS_EQUAL(200, good.load());
  LONGS_EQUAL(0, lost.load());
  loop->BeginDrain(true);
  loop->Join();
}

// A body that comes later than a reload, or slowly, is judged by the rules that hold then.
TEST(FcgiLoopTsan, ABodyAfterAReloadIsJudgedAgain) {
  const auto begin = [this] {
    const int fd = Connect();
    CHECK(SendAll(fd, HeadOf("POST", "4") + Record(kPeerStdin, "a")));
    return fd;
  };
  const auto end = [](int fd) {
    CHECK(SendAll(fd, Record(kPeerStdin, "bcd") + Record(kPeerStdin, "")));
    const std::string answer = ReadAnswer(fd);
    close(fd);
    return answer.substr(answer.find("\r\n\r\n") + 4);
  };
  const int let_in = begin();
  const int refused = begin();
  while (source.fours < 2) usleep(1000);
  source.Swap("+");
  STRCMP_EQUAL("abcd+", end(let_in).c_str());
  source.Swap(kRefuses);
  STRCMP_EQUAL("refused nobody", end(refused).c_str());
  loop->BeginDrain(true);
  loop->Join();
}

// All threads but one may be thinking: bytes are moved by the one that is left.
TEST(FcgiLoopTsan, ManySlowSendersHoldNoThread) {
  std::vector<int> slow;
  for (int i = 0; i < 40; ++i) {
    slow.push_back(Connect());
    CHECK(SendAll(slow.back(), HeadOf("POST", "4") + Record(kPeerStdin, "a")));
  }
  const int fd = Connect();
  for (int i = 0; i < 20; ++i) STRCMP_EQUAL("x!", Ask(fd, "x").c_str());
  close(fd);
  for (int sender : slow) {
    CHECK(SendAll(sender, Record(kPeerStdin, "bcd") + Record(kPeerStdin, "")));
    CHECK(ReadAnswer(sender).find("\r\n\r\nabcd!") != std::string::npos);
    close(sender);
  }
  loop->BeginDrain(true);
  loop->Join();
}

}  // namespace stateward
