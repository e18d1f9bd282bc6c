#include "fcgi/fcgi_loop.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace stateward {
namespace {

constexpr uint64_t kListenId = 1;
constexpr uint64_t kStopId = 2;
constexpr uint64_t kTimerId = 3;
constexpr int kTickMs = 1000;
constexpr int kFastTickMs =
    50;  // while draining, while rests are read away, or while the listener waits for descriptors
constexpr int64_t kSecondUs = 1000000;
// Web servers of a host keep some dozens; a crowd of slow clients has one connection each.
constexpr size_t kMostConnections = 16384;
// Descriptors for everything else: the store, its services, the log.
constexpr size_t kOtherDescriptors = 256;
// A small request comes in one read, a large body in pieces of this size.
constexpr size_t kScratch = size_t{128} * 1024;

// Raises the soft limit of descriptors (often 1,024) to what is needed, as far as the hard one
// lets it; returns how many connections there may be.
size_t MakeRoomForConnections() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kMostConnections;
  rlim_t want = std::min<rlim_t>(kMostConnections + kOtherDescriptors, limit.rlim_max);
  if (limit.rlim_cur < want) {
    limit.rlim_cur = want;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
  }
  size_t all = std::min<size_t>(limit.rlim_cur, kMostConnections + kOtherDescriptors);
  return all - std::min(kOtherDescriptors, all / 2);
}

}  // namespace

FcgiLoop::FcgiLoop(int listen_fd, const FcgiOptions& options, HandlerSource& handlers,
                   const Clock& clock, const Log& log)
    : listen_fd_(listen_fd),
      options_(options),
      handlers_(handlers),
      clock_(clock),
      log_(log),
      memory_(options.max_inflight_bytes, options.principal_share_percent),
      slots_(options.threads) {}

FcgiLoop::~FcgiLoop() {
  for (int fd : {epoll_, stop_, timer_}) {
    if (fd >= 0) close(fd);
  }
}

Status FcgiLoop::Start() {
  most_connections_ = MakeRoomForConnections();
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  stop_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (epoll_ < 0 || stop_ < 0 || timer_ < 0) return FromErrno("epoll", errno);
  connections_.UseEpoll(epoll_);
  epoll_event stop{};
  stop.events = EPOLLIN;  // not one-shot: it is to wake every thread
  stop.data.u64 = kStopId;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, stop_, &stop) != 0) return FromErrno("epoll", errno);
  Arm(listen_fd_, kListenId, true);
  Arm(timer_, kTimerId, true);
  SetTick(kTickMs);
  // One more than may think: it moves bytes.
  for (uint32_t i = 0; i < options_.threads + 1; ++i) threads_.emplace_back([this] { Run(); });
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

// Once until the tick: who asks again and again must not put it off.
void FcgiLoop::Hasten() {
  if (!hastened_.exchange(true)) SetTick(kFastTickMs);
}

void FcgiLoop::Arm(int fd, uint64_t id, bool add) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLONESHOT;
  event.data.u64 = id;
  if (epoll_ctl(epoll_, add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) != 0) {
    log_.Error(FromErrno("epoll_ctl", errno).detail());
  }
}

// Once between two ticks: who causes it could cause it without end.
void FcgiLoop::Warn(std::atomic<bool>* said, const char* text) {
  if (!said->exchange(true)) log_.Warning(text);
}

void FcgiLoop::Run() {
  Bytes scratch(kScratch);
  while (!done_) {
    epoll_event event{};
    int n = epoll_wait(epoll_, &event, 1, -1);
    if (n <= 0 || done_) continue;
    switch (event.data.u64) {
      case kListenId:
        OnListen(&scratch);
        break;
      case kStopId:
        break;
      case kTimerId:
        OnTick();
        break;
      default:
        if (Connection* connection = connections_.Take(event.data.u64)) {
          GoOn(connection, connection->OnReady(clock_.SteadyUs(), &scratch));
        }
    }
  }
}

// Does what comes next with a connection that this thread has; for those that wait for a slot, too.
void FcgiLoop::GoOn(Connection* connection, Connection::Next next) {
  if (!Settle(connection, next)) return;
  while (connection != nullptr) {
    next = connection->Think(handlers_, log_, clock_.SteadyUs());
    Settle(connection, next);
    connection = slots_.Leave();
  }
}

// True: the thread has a slot and must think. Else the connection is no longer this thread's.
bool FcgiLoop::Settle(Connection* connection, Connection::Next next) {
  switch (next) {
    case Connection::Next::kThink:
      return slots_.Enter(connection);
    case Connection::Next::kWait:
      if (connection->ReadsAway()) Hasten();
      if (!connections_.Park(connection)) {
        log_.Error("epoll_ctl failed: a connection was closed");
      }
      return false;
    case Connection::Next::kBad:
      NoteEnd("bad");
      Warn(&said_bad_, "a connection was closed: its peer does not speak FastCGI as it should");
      connections_.Close(connection);
      return false;
    case Connection::Next::kSlow:
      NoteEnd("slow");
      connections_.Close(connection);
      return false;
    case Connection::Next::kGone:
      NoteEnd("gone");
      log_.Write(LogLevel::kInfo,
                 log_.Begin(LogLevel::kInfo, "a request was dropped: its client is gone")
                     .Str("request_id", connection->request_id()));
      connections_.Close(connection);
      return false;
    case Connection::Next::kClose:
      connections_.Close(connection);
      return false;
  }
  return false;
}

void FcgiLoop::OnListen(Bytes* scratch) {
  if (!accepting_) return;  // and is not armed again
  int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC);
  bool no_room =
      fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM);
  if (no_room && !connections_.CloseLongestIdle()) {
    // Waiting makers of connections stay in the backlog; the tick looks again.
    if (!listener_paused_.exchange(true)) log_.Warning("accept: out of descriptors or memory");
    SetTick(kFastTickMs);
    return;
  }
  Arm(listen_fd_, kListenId, false);
  if (fd < 0) return;
  if (!options_.peers.Allows(fd)) {
    if (!said_refused_.exchange(true)) log_.Warning(RefusedPeerText(fd));
    NoteEnd("refused");
    close(fd);
    return;
  }
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // fails on unix sockets, and may
  int64_t now = clock_.SteadyUs();
  bool vouch = options_.peers.MayVouch(fd);
  Connection* made = connections_.Add(fd, vouch, memory_, most_connections_, now);
  if (made == nullptr) {
    Warn(&said_full_, "too many connections");
    NoteEnd("crowded");
    if (connections_.CloseLongestIdle()) {
      made = connections_.Add(fd, vouch, memory_, most_connections_, now);
    }
  }
  if (made == nullptr) {
    close(fd);
    return;
  }
  // The request is most often there already.
  GoOn(made, made->OnReady(now, scratch));
}

void FcgiLoop::OnTick() {
  uint64_t ticks = 0;
  [[maybe_unused]] ssize_t n = read(timer_, &ticks, sizeof ticks);
  int64_t now = clock_.SteadyUs();
  said_full_ = false;
  said_bad_ = false;
  said_refused_ = false;
  if (listener_paused_.exchange(false) && accepting_) Arm(listen_fd_, kListenId, false);
  int64_t drained_for = draining_ ? now - drain_since_us_ : 0;
  if (drained_for >= options_.drain_s * kSecondUs) {
    connections_.CloseWaiting(drained_for >=
                              (options_.drain_s + options_.drain_busy_s) * kSecondUs);
  }
  hastened_ = false;
  bool reads_away = false;
  std::vector<Connection*> due = connections_.TakeDue(now, options_.limits, &reads_away);
  if (draining_) CheckDrained(now);
  SetTick(draining_ || reads_away ? kFastTickMs : kTickMs);
  Arm(timer_, kTimerId, false);
  TellConnections(now);
  for (Connection* connection : due) {
    NoteDue(*connection);
    GoOn(connection, connection->OnDue(now, options_.limits));
  }
}

void FcgiLoop::NoteEnd(std::string_view reason) {
  if (options_.observer != nullptr) options_.observer->OnConnectionEnded(reason);
}

// What OnDue ends, but for answers that are read too slowly: it looks once more.
void FcgiLoop::NoteDue(const Connection& connection) {
  switch (connection.phase()) {
    case Connection::Phase::kIdle:
      return NoteEnd("idle");
    case Connection::Phase::kHead:
    case Connection::Phase::kBody:
      return NoteEnd("slow");
    case Connection::Phase::kAnswer:
    case Connection::Phase::kLinger:  // its request was answered
      return;
  }
}

void FcgiLoop::TellConnections(int64_t now_us) {
  if (options_.observer == nullptr) return;
  ConnectionGauges now = connections_.Gauges(now_us);
  now.inflight_bytes = memory_.Used();
  now.inflight_limit_bytes = options_.max_inflight_bytes;
  options_.observer->OnConnections(now);
}

void FcgiLoop::CheckDrained(int64_t now_us) {
  if (connections_.Count() > 0) return;
  if (accepting_) {
    pollfd waiting{listen_fd_, POLLIN, 0};
    bool in_time = now_us - drain_since_us_ < options_.drain_s * kSecondUs;
    // A socket that was given away (worker.cc) has nothing to read, and tells that it hung up.
    const bool more = poll(&waiting, 1, 0) > 0 && (waiting.revents & POLLIN) != 0;
    if (more && in_time) return;
    accepting_ = false;
  }
  done_ = true;
  uint64_t one = 1;
  [[maybe_unused]] ssize_t n = write(stop_, &one, sizeof one);
}

}  // namespace stateward
