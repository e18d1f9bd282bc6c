#include "metrics/listener.h"

#include <microhttpd.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

namespace stateward {
namespace {

// A lost listener is taken over within 5 s; asking costs two system calls.
constexpr std::chrono::seconds kAskAgain(2);
// Prometheus scrapes with one connection; some more for a person who looks.
constexpr unsigned kMaxConnections = 16;
constexpr unsigned kTimeoutS = 10;

Result<addrinfo*> Resolve(const std::string& address) {
  size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon + 1 == address.size()) {
    return Status::InvalidArgument("METRICS_LISTEN_ADDR must be host:port or [v6 address]:port");
  }
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  int error = getaddrinfo(host.empty() ? nullptr : host.c_str(), address.c_str() + colon + 1,
                          &hints, &found);
  if (error != 0) {
    return Status::InvalidArgument("METRICS_LISTEN_ADDR: " + address + ": " + gai_strerror(error));
  }
  return found;
}

// -1 when the address is taken. Without SO_REUSEPORT only one socket can listen there.
int TryListen(const std::string& address) {
  Result<addrinfo*> found = Resolve(address);
  if (!found.ok()) return -1;
  int fd = socket((*found)->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int on = 1;
  bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
            bind(fd, (*found)->ai_addr, (*found)->ai_addrlen) == 0 && listen(fd, 64) == 0;
  freeaddrinfo(*found);
  if (ok) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

MHD_Result Reply(MHD_Connection* connection, unsigned status, const std::string& text) {
  MHD_Response* response = MHD_create_response_from_buffer(
      text.size(), const_cast<char*>(text.data()), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  MHD_Result result = MHD_queue_response(connection, status, response);
  MHD_destroy_response(response);
  return result;
}

MHD_Result Answer(void* render, MHD_Connection* connection, const char* url, const char* method,
                  const char* /*version*/, const char* /*data*/, size_t* size, void** /*state*/) {
  *size = 0;
  if (std::strcmp(method, "GET") != 0 && std::strcmp(method, "HEAD") != 0) {
    return Reply(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "");
  }
  if (std::strcmp(url, "/metrics") != 0) return Reply(connection, MHD_HTTP_NOT_FOUND, "");
  auto* text = static_cast<const std::function<std::string()>*>(render);
  return Reply(connection, MHD_HTTP_OK, (*text)());
}

}  // namespace

struct MetricsListener::Daemon {
  explicit Daemon(MHD_Daemon* d) : daemon(d) {}
  ~Daemon() { MHD_stop_daemon(daemon); }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  MHD_Daemon* daemon;
};

Status MetricsListener::CheckAddress(const std::string& address) {
  Result<addrinfo*> found = Resolve(address);
  if (!found.ok()) return std::move(found).status();
  freeaddrinfo(*found);
  return Status();
}

MetricsListener::MetricsListener(std::string address, std::function<std::string()> render,
                                 const Log& log)
    : address_(std::move(address)), render_(std::move(render)), log_(log) {
  thread_ = std::thread([this] { Loop(); });
}

MetricsListener::~MetricsListener() {
  {
    std::lock_guard<std::mutex> hold(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void MetricsListener::Loop() {
  std::unique_lock<std::mutex> hold(mutex_);
  while (!stop_) {
    int fd = TryListen(address_);
    if (fd >= 0) {
      MHD_Daemon* daemon = MHD_start_daemon(
          MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, nullptr, nullptr, &Answer,
          const_cast<std::function<std::string()>*>(&render_), MHD_OPTION_LISTEN_SOCKET, fd,
          MHD_OPTION_CONNECTION_LIMIT, kMaxConnections, MHD_OPTION_CONNECTION_TIMEOUT, kTimeoutS,
          MHD_OPTION_END);
      if (daemon != nullptr) {
        daemon_ = std::make_unique<Daemon>(daemon);
        log_.Info("metrics are served on " + address_);
        break;
      }
      close(fd);
    }
    wake_.wait_for(hold, kAskAgain, [this] { return stop_; });
  }
  wake_.wait(hold, [this] { return stop_; });
  hold.unlock();
  daemon_.reset();
}

}  // namespace stateward
