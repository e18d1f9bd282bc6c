#include "metrics/listener.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <sys/file.h>
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
  const int err = errno;
  if (fd >= 0) close(fd);
  const std::string detail = FromErrno(std::string(kSetting) + ": " + where, err).detail();
  return Status(err == EADDRINUSE ? Code::kConflict : Code::kUnavailable, detail);
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

MetricsListener::MetricsListener(std::string address, const std::string& runtime_dir,
                                 std::function<std::string()> render, const Log& log)
    : address_(std::move(address)),
      turn_path_(runtime_dir + "/metrics-" + address_ + ".lock"),
      render_(std::move(render)),
      log_(log) {
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

// False: another worker serves, or is about to.
bool MetricsListener::TakeTurn() {
  if (turn_fd_ >= 0) return true;
  const int fd = open(turn_path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return true;
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    close(fd);
    return false;
  }
  turn_fd_ = fd;
  return true;
}

void MetricsListener::Complain(const Status& why) {
  // Without the lock it may be one of us that listens there.
  if (turn_fd_ < 0 && why.code() == Code::kConflict) return;
  if (why.detail() != complaint_) log_.Warning("metrics are not served: " + why.detail());
  complaint_ = why.detail();
}

void MetricsListener::Serve(int fd) {
  MHD_Daemon* daemon =
      MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, nullptr, nullptr, &Answer,
                       const_cast<std::function<std::string()>*>(&render_),
                       MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, kMaxConnections,
                       MHD_OPTION_CONNECTION_TIMEOUT, kTimeoutS, MHD_OPTION_END);
  if (daemon == nullptr) {
    close(fd);
    return Complain(Status::Unavailable("the listener does not start"));
  }
  daemon_ = std::make_unique<Daemon>(daemon);
  log_.Info("metrics are served on " + address_);
}

void MetricsListener::Loop() {
  std::unique_lock<std::mutex> hold(mutex_);
  while (!stop_ && daemon_ == nullptr) {
    if (TakeTurn()) {
      Result<int> listening = TryListen(address_);
      if (listening.ok()) {
        Serve(*listening);
      } else {
        Complain(listening.status());
      }
    }
    if (daemon_ == nullptr) wake_.wait_for(hold, kAskAgain, [this] { return stop_; });
  }
  wake_.wait(hold, [this] { return stop_; });
  hold.unlock();
  daemon_.reset();
  // Behind the socket: who has the lock finds the address free.
  if (turn_fd_ >= 0) close(turn_fd_);
}

}  // namespace stateward
