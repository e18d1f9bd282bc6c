#include "fcgi/fcgi_loop.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <utility>

#include "fcgi/fcgi_request.h"
#include "fcgi/record_walk.h"

namespace stateward {
namespace {

constexpr uint64_t kListenId = 1;
constexpr uint64_t kStopId = 2;
constexpr uint64_t kTimerId = 3;
constexpr int kTickMs = 1000;
constexpr int kFastTickMs = 50;  // while draining, or while the listener waits for descriptors
constexpr int64_t kSecondUs = 1000000;
// The web server closes as soon as it has the answer.
constexpr int64_t kLingerUs = 2 * kSecondUs;
// How long a thread waits for the rest of a head. A web server sends it in one piece.
constexpr int kHeadWaitMs = 1000;
// Most heads are 1 to 4 KiB.
constexpr size_t kFirstLook = size_t{16} * 1024;
// Bytes thrown away for one wake-up of a lingering connection, so that others get their turn.
constexpr size_t kDiscard = size_t{256} * 1024;

Response InternalError() {
  Response response;
  response.status = 503;
  response.headers.emplace_back("Retry-After", "15");
  return response;
}

}  // namespace

FcgiLoop::FcgiLoop(int listen_fd, const FcgiOptions& options, HandlerSource& handlers,
                   const Clock& clock, const Log& log)
    : listen_fd_(listen_fd),
      options_(options),
      handlers_(handlers),
      clock_(clock),
      log_(log),
      budget_(options.max_inflight_bytes) {}

FcgiLoop::~FcgiLoop() {
  for (int fd : {epoll_, stop_, timer_}) {
    if (fd >= 0) close(fd);
  }
}

Status FcgiLoop::Start() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  stop_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (epoll_ < 0 || stop_ < 0 || timer_ < 0) return FromErrno("epoll", errno);
  epoll_event stop{};
  stop.events = EPOLLIN;  // not one-shot: it is to wake every thread
  stop.data.u64 = kStopId;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, stop_, &stop) != 0) return FromErrno("epoll", errno);
  Arm(listen_fd_, kListenId, true);
  Arm(timer_, kTimerId, true);
  SetTick(kTickMs);
  for (uint32_t i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { Run(); });
  return Status();
}

void FcgiLoop::Join() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void FcgiLoop::BeginDrain(bool backlog) {
  drain_since_us_ = clock_.SteadyUs();
  if (!backlog) accepting_ = false;
  draining_ = true;
  SetTick(kFastTickMs);
}

void FcgiLoop::SetTick(int ms) {
  itimerspec spec{};
  spec.it_value.tv_sec = ms / 1000;
  spec.it_value.tv_nsec = ms % 1000 * 1000000L;
  timerfd_settime(timer_, 0, &spec, nullptr);
}

void FcgiLoop::Arm(int fd, uint64_t id, bool add) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT;
  event.data.u64 = id;
  if (epoll_ctl(epoll_, add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) != 0) {
    log_.Error("epoll_ctl failed: " + FromErrno("epoll_ctl", errno).detail());
  }
}

void FcgiLoop::Run() {
  while (!done_) {
    epoll_event event{};
    int n = epoll_wait(epoll_, &event, 1, -1);
    if (n <= 0 || done_) continue;
    switch (event.data.u64) {
      case kListenId:
        OnListen();
        break;
      case kStopId:
        break;
      case kTimerId:
        OnTick();
        break;
      default:
        OnConnection(event.data.u64);
    }
  }
}

void FcgiLoop::OnListen() {
  if (!accepting_) return;  // and is not armed again
  int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      // Waiting makers of connections stay in the backlog; the tick looks again.
      if (!listener_paused_.exchange(true)) log_.Warning("accept: out of descriptors or memory");
      SetTick(kFastTickMs);
      return;
    }
    Arm(listen_fd_, kListenId, false);
    return;
  }
  Arm(listen_fd_, kListenId, false);
  if (!options_.peers.Allows(fd)) {
    log_.Warning("a peer that is not allowed tried to connect");
    close(fd);
    return;
  }
  timeval limit{options_.io_timeout_s, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // fails on unix sockets, and may
  int64_t now = clock_.SteadyUs();
  uint64_t id = connections_.Add(fd, now);
  if (id == 0) {
    log_.Warning("too many connections");
    close(fd);
    return;
  }
  connections_.Park(id, ConnState::kIdle, now);
  Arm(fd, id, true);
}

void FcgiLoop::OnTick() {
  uint64_t ticks = 0;
  [[maybe_unused]] ssize_t n = read(timer_, &ticks, sizeof ticks);
  int64_t now = clock_.SteadyUs();
  if (listener_paused_.exchange(false) && accepting_) Arm(listen_fd_, kListenId, false);
  int64_t idle = options_.idle_s * kSecondUs;
  int64_t busy = options_.request_s * kSecondUs;
  int64_t drained_for = draining_ ? now - drain_since_us_ : 0;
  if (draining_ && drained_for >= options_.drain_s * kSecondUs) idle = 0;
  if (drained_for >= (options_.drain_s + options_.drain_busy_s) * kSecondUs) busy = 0;
  for (int fd : connections_.Sweep(now, idle, kLingerUs)) close(fd);
  // The thread that reads or writes there finds the connection ended.
  for (int fd : connections_.BusyLongerThan(now, busy)) {
    shutdown(fd, SHUT_RDWR);
  }
  if (draining_) CheckDrained(now);
  SetTick(draining_ ? kFastTickMs : kTickMs);
  Arm(timer_, kTimerId, false);
}

void FcgiLoop::CheckDrained(int64_t now_us) {
  if (connections_.Count() > 0) return;
  if (accepting_) {
    pollfd waiting{listen_fd_, POLLIN, 0};
    bool in_time = now_us - drain_since_us_ < options_.drain_s * kSecondUs;
    if (poll(&waiting, 1, 0) > 0 && in_time) return;
    accepting_ = false;
  }
  done_ = true;
  uint64_t one = 1;
  [[maybe_unused]] ssize_t n = write(stop_, &one, sizeof one);
}

void FcgiLoop::OnConnection(uint64_t id) {
  Taken taken = connections_.Take(id, clock_.SteadyUs());
  if (!taken.ok) return;
  if (taken.lingering) {
    Linger(id, taken.fd);
    return;
  }
  switch (Serve(taken.fd)) {
    case After::kKeep:
      Park(id, taken.fd, ConnState::kIdle);
      break;
    case After::kLinger:
      // Closing with unread bytes in the socket would reset it, and the web server might lose the
      // answer that is on its way.
      shutdown(taken.fd, SHUT_WR);
      Park(id, taken.fd, ConnState::kLingering);
      break;
    case After::kClose:
      Close(id, taken.fd);
      break;
    case After::kGone:
      connections_.Remove(id);
      break;
  }
}

void FcgiLoop::Park(uint64_t id, int fd, ConnState state) {
  connections_.Park(id, state, clock_.SteadyUs());
  Arm(fd, id, false);
}

void FcgiLoop::Close(uint64_t id, int fd) {
  // Forgotten first: the number of the descriptor may be given out again at once.
  connections_.Remove(id);
  close(fd);
}

void FcgiLoop::Linger(uint64_t id, int fd) {
  char scratch[16 * 1024];
  for (size_t gone = 0; gone < kDiscard;) {
    ssize_t n = recv(fd, scratch, sizeof scratch, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0) {
      Close(id, fd);
      return;
    }
    gone += static_cast<size_t>(n);
  }
  Park(id, fd, ConnState::kLingering);
}

bool FcgiLoop::WaitForHead(int fd, bool* keep) {
  // One for each thread, not for each request: 80 KiB at the most.
  thread_local Bytes buffer(kFirstLook);
  for (int waited_ms = 0;; ++waited_ms) {
    ssize_t n = recv(fd, buffer.data(), buffer.size(), MSG_PEEK | MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN)) return false;
    size_t have = n < 0 ? 0 : static_cast<size_t>(n);
    HeadLook look = LookAtHead({buffer.data(), have});
    *keep = look.keep;
    if (look.state == HeadState::kComplete) return true;
    if (look.state == HeadState::kBad) return false;
    if (have == buffer.size()) {
      if (buffer.size() == kMaxHeadBytes) return false;
      buffer.resize(kMaxHeadBytes);
      continue;
    }
    if (waited_ms >= kHeadWaitMs) return false;
    pollfd peer{fd, POLLRDHUP, 0};
    if (poll(&peer, 1, 1) > 0) return false;  // it will not send the rest any more
  }
}

FcgiLoop::After FcgiLoop::Serve(int fd) {
  bool keep = false;
  if (!WaitForHead(fd, &keep)) return After::kClose;
  FcgiRequest request(fd, budget_, options_.peers);
  if (!request.Begin()) return After::kGone;
  try {
    std::shared_ptr<Handler> handler = handlers_.Current();
    request.Send(handler->Handle(request.request()));
  } catch (const std::exception& e) {
    // Only the library throws, and only for want of memory.
    log_.Error(std::string("request failed: ") + e.what());
    request.Send(InternalError());
  }
  FcgiRequest::End end = request.Finish();
  if (end == FcgiRequest::End::kClosed) return After::kGone;
  if (end == FcgiRequest::End::kUnread) return After::kLinger;
  return keep ? After::kKeep : After::kClose;
}

}  // namespace stateward
