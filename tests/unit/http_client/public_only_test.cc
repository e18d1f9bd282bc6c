// Names that lead to another address than they did before, or to several. The tests' own network
// stands between libcurl and the system: it says what a name means, and what is at a public
// address.
#include <CppUTest/TestHarness.h>
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/files.h"
#include "http_client/http_client.h"
#include "stateward/disk.h"

namespace stateward {
namespace {

constexpr char kName[] = "hooks.example.org";

// Thread-safe: libcurl looks names up in a thread.
class Internet {
 public:
  Internet() : listener_(PosixDisk(), socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener_.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
    CHECK(listen(listener_.get(), 8) == 0);
    socklen_t size = sizeof here_;
    CHECK(getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&here_), &size) == 0);
    server_ = std::thread([this] { Serve(); });
    now_ = this;
  }
  ~Internet() {
    now_ = nullptr;
    shutdown(listener_.get(), SHUT_RDWR);
    server_.join();
  }
  Internet(const Internet&) = delete;
  Internet& operator=(const Internet&) = delete;

  // The one that there is now; nullptr: the system's.
  static Internet* Now() { return now_; }

  void Means(const std::vector<std::string>& addresses) {
    std::lock_guard<std::mutex> hold(mutex_);
    addresses_ = addresses;
  }
  void Refuses(const std::string& address) {
    std::lock_guard<std::mutex> hold(mutex_);
    refuses_ = address;
  }
  std::vector<std::string> Addresses() {
    std::lock_guard<std::mutex> hold(mutex_);
    return addresses_;
  }
  std::string Port() const { return std::to_string(ntohs(here_.sin_port)); }
  // Everything that was connected to.
  std::vector<std::string> Reached() {
    std::lock_guard<std::mutex> hold(mutex_);
    return reached_;
  }
  // Whether it may be reached; then `to` is the server of the test, whatever it was.
  bool Reach(const std::string& address, sockaddr_in* to) {
    std::lock_guard<std::mutex> hold(mutex_);
    if (address == refuses_) return false;
    reached_.push_back(address);
    *to = here_;
    return true;
  }

 private:
  void Serve() {
    for (;;) {
      const Fd one(PosixDisk(), accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!one.valid()) return;
      std::string head;
      char c = 0;
      while (head.find("\r\n\r\n") == head.npos && recv(one.get(), &c, 1, 0) == 1) head += c;
      const std::string answer = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
      (void)!send(one.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  }

  static std::atomic<Internet*> now_;
  const Fd listener_;
  sockaddr_in here_{};
  std::thread server_;
  std::mutex mutex_;
  std::vector<std::string> addresses_;
  std::string refuses_;
  std::vector<std::string> reached_;
};
std::atomic<Internet*> Internet::now_{nullptr};

std::string TextOf(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address->sa_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text, sizeof text);
  } else if (address->sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text,
              sizeof text);
  }
  return text;
}

template <typename Function>
Function* System(const char* name, Function*) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace
}  // namespace stateward

// The program's own come before the system's, for libcurl, too.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints,
                           addrinfo** result) {
  static auto* const system = stateward::System("getaddrinfo", &getaddrinfo);
  stateward::Internet* const internet = stateward::Internet::Now();
  if (internet == nullptr || name == nullptr || std::string(name) != stateward::kName) {
    return system(name, service, hints, result);
  }
  addrinfo literal{};
  literal.ai_flags = AI_NUMERICHOST;
  literal.ai_socktype = SOCK_STREAM;
  addrinfo** end = result;
  for (const std::string& address : internet->Addresses()) {
    const int error = system(address.c_str(), service, &literal, end);
    if (error != 0) return error;
    while (*end != nullptr) end = &(*end)->ai_next;
  }
  return 0;
}

extern "C" int connect(int fd, const sockaddr* address, socklen_t size) {
  static auto* const system = stateward::System("connect", &connect);
  stateward::Internet* const internet = stateward::Internet::Now();
  const std::string text = stateward::TextOf(address);
  if (internet == nullptr || text.empty()) return system(fd, address, size);
  sockaddr_in to{};
  if (!internet->Reach(text, &to)) {
    errno = ECONNREFUSED;
    return -1;
  }
  return system(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

namespace stateward {

TEST_GROUP(PublicOnly) {
  static constexpr char kPublic[] = "93.184.216.34";
  Internet internet;

  // A client for each: what one has looked up it remembers for a minute.
  std::string Ask() {
    HttpClientOptions options;
    options.allow_http = true;
    options.public_only = true;
    // The look-up is a thread's, the answer another one's: on a busy machine they take their time.
    options.connect_timeout_ms = 600000;
    Result<std::unique_ptr<HttpClient>> client = NewCurlClient(options);
    CHECK(client.ok());
    HttpRequest request;
    request.timeout_ms = 600000;
    request.url = "http://" + std::string(kName) + ":" + internet.Port() + "/";
    Result<HttpAnswer> answer = (*client)->Send(request);
    return answer.ok() ? std::to_string(answer->status) : answer.status().detail();
  }
  void IsRefused(const std::vector<std::string>& addresses) {
    const size_t before = internet.Reached().size();
    internet.Means(addresses);
    STRCMP_EQUAL("http: the address is not a public one", Ask().c_str());
    LONGS_EQUAL(before, internet.Reached().size());
  }
};

TEST(PublicOnly, ANameThatLeadsElsewhereTheNextTimeIsJudgedAgain) {
  internet.Means({kPublic});
  STRCMP_EQUAL("204", Ask().c_str());
  LONGS_EQUAL(1, internet.Reached().size());
  STRCMP_EQUAL(kPublic, internet.Reached()[0].c_str());
  for (const char* address : {"127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fe80::1",
                              "fd00::1", "::ffff:127.0.0.1", "::ffff:10.1.2.3"}) {
    IsRefused({address});
  }
}

TEST(PublicOnly, TheNextAddressOfANameIsJudgedToo) {
  internet.Refuses(kPublic);
  IsRefused({kPublic, "127.0.0.1"});
}

}  // namespace stateward
