#include "metrics/listener.h"

#include <microhttpd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/listen_address.h"

namespace stateward {
namespace {

// A lost listener is taken over within 5 s; asking costs two system calls.
constexpr std::chrono::seconds kAskAgain(2);
// Prometheus scrapes with one connection; some more for a person who looks.
constexpr unsigned kMaxConnections = 16;
constexpr unsigned kTimeoutS = 10;
constexpr char kSetting[] = "METRICS_LISTEN_ADDR";

// Without SO_REUSEPORT only one socket can listen there.
Result<int> TryListen(const std::string& where) {
  Result<ListenAddress> address = ParseListenAddress(kSetting, where);
  if (!address.ok()) return std::move(address).status();
  int fd = socket(address->get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int on = 1;
  bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
            bind(fd, address->get(), address->size) == 0 && listen(fd, 64) == 0;
  if (ok) return fd;
  const Status status = FromErrno(where, errno);
  if (fd >= 0) close(fd);
  return status;
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
  Result<ListenAddress> parsed = ParseListenAddress(kSetting, address);
  return parsed.ok() ? Status() : std::move(parsed).status();
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
    Result<int> listening = TryListen(address_);
    if (listening.ok()) {
      const int fd = *listening;
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
