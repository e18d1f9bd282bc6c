// The loop with real sockets and many threads, for the thread sanitizer above all: what it does to
// requests is proved end to end (tests/e2e/test_fcgi_defects.py).
#include "fcgi/fcgi_loop.h"

#include <CppUTest/TestHarness.h>
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

#include "fcgi/fcgi_request.h"

namespace stateward {
namespace {

constexpr char kBegin = 1;
constexpr char kEnd = 3;
constexpr char kParams = 4;
constexpr char kStdin = 5;
constexpr char kStdout = 6;

std::string Record(char type, const std::string& content) {
  std::string out = {1, type, 0, 1};
  out += static_cast<char>(content.size() >> 8);
  out += static_cast<char>(content.size() & 0xff);
  out += std::string(2, '\0');
  return out + content;
}
std::string Pair(const std::string& name, const std::string& value) {
  return std::string{static_cast<char>(name.size()), static_cast<char>(value.size())} + name +
         value;
}
// One request on a connection that is kept.
std::string RequestOf(const std::string& body) {
  const std::string params = Pair("REQUEST_METHOD", "POST") + Pair("REQUEST_URI", "/echo") +
                             Pair("CONTENT_LENGTH", std::to_string(body.size()));
  return Record(kBegin, std::string("\0\1\1\0\0\0\0\0", 8)) + Record(kParams, params) +
         Record(kParams, "") + Record(kStdin, body) + Record(kStdin, "");
}

bool ReadExactly(int fd, std::string* out, size_t n) {
  out->resize(n);
  for (size_t have = 0; have < n;) {
    const ssize_t got = read(fd, out->data() + have, n - have);
    if (got <= 0) return false;
    have += static_cast<size_t>(got);
  }
  return true;
}

// The answer's body; "(none)" when the connection broke.
std::string Ask(int fd, const std::string& body) {
  const std::string request = RequestOf(body);
  if (write(fd, request.data(), request.size()) != static_cast<ssize_t>(request.size())) {
    return "(none)";
  }
  std::string text;
  for (;;) {
    std::string head;
    std::string content;
    if (!ReadExactly(fd, &head, 8)) return "(none)";
    const auto at = [&](size_t i) { return static_cast<size_t>(static_cast<uint8_t>(head[i])); };
    const size_t size = at(4) << 8 | at(5);
    if (!ReadExactly(fd, &content, size + at(6))) return "(none)";
    if (head[1] == kStdout) text += content.substr(0, size);
    if (head[1] == kEnd) break;
  }
  const size_t blank = text.find("\r\n\r\n");
  return blank == std::string::npos ? "(none)" : text.substr(blank + 4);
}

class Echo : public Handler {
 public:
  explicit Echo(std::string mark) : mark_(std::move(mark)) {}
  Response Handle(const Request& request) override {
    Response response;
    Result<SecretBytes> body = request.body->ReadAll(1 << 20);
    response.status = body.ok() ? 200 : 503;
    response.content_type = "text/plain";
    if (body.ok()) response.body = std::move(*body);
    response.body.insert(response.body.end(), mark_.begin(), mark_.end());
    return response;
  }

 private:
  const std::string mark_;
};

class Source : public HandlerSource {
 public:
  std::shared_ptr<Handler> Current() override {
    std::lock_guard<std::mutex> hold(mutex_);
    return handler_;
  }
  void Swap(const std::string& mark) {
    std::shared_ptr<Handler> next = std::make_shared<Echo>(mark);
    std::lock_guard<std::mutex> hold(mutex_);
    handler_.swap(next);
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<Handler> handler_ = std::make_shared<Echo>("!");
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
    InitFcgiLibrary();
    Result<ListenSocket> bound = BindListen("unix:" + std::string(dir) + "/s");
    CHECK(bound.ok());
    listener = *bound;
    FcgiOptions options;
    options.threads = 4;
    options.drain_s = 1;
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

// While it drains, what comes on a kept connection is still served.
TEST(FcgiLoopTsan, DrainLosesNoRequest) {
  std::atomic<int> asked{0};
  std::atomic<int> answered{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> clients;
  for (int t = 0; t < 4; ++t) {
    clients.emplace_back([&] {
      const int fd = Connect();
      while (!stop) {
        ++asked;
        if (Ask(fd, "x") == "x!") ++answered;
      }
      close(fd);
    });
  }
  while (answered < 20) usleep(1000);
  loop->BeginDrain(true);
  const int before = answered;
  while (answered < before + 8) usleep(1000);
  stop = true;
  for (std::thread& client : clients) client.join();
  loop->Join();
  LONGS_EQUAL(asked.load(), answered.load());
}

TEST_GROUP(ByteBudgetTsan){};

TEST(ByteBudgetTsan, NeverBeyondItsLimit) {
  ByteBudget budget(100);
  std::atomic<int> held{0};
  std::atomic<bool> bad{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        if (!budget.Take(30)) continue;
        if ((held += 30) > 100) bad = true;
        held -= 30;
        budget.GiveBack(30);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_FALSE(bad);
  CHECK(budget.Take(100));
  CHECK_FALSE(budget.Take(1));
}

}  // namespace stateward
