// The bytes of a connection; connection_think.cc has what threads do with a request.
#include "fcgi/connection.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace stateward {
namespace {

// Reads of one turn, so that others get theirs.
constexpr int kReadsAtOnce = 8;
constexpr int64_t kSecondUs = 1000000;

// Of a unix socket POLLHUP says that the peer closed, and POLLRDHUP also that it sends no more but
// waits for its answer. A TCP socket cannot tell the two apart; web servers do the first alone.
short EventsOfEnd(int fd) {
  int domain = 0;
  socklen_t size = sizeof domain;
  const bool is_unix =
      getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
  return static_cast<short>(POLLHUP | POLLERR | (is_unix ? 0 : POLLRDHUP));
}

}  // namespace

Connection::Connection(uint64_t id, int fd, bool may_vouch, Memory& memory, int64_t now_us)
    : id_(id),
      fd_(fd),
      may_vouch_(may_vouch),
      gone_(EventsOfEnd(fd)),
      since_us_(now_us),
      charge_(memory) {}

Connection::~Connection() {
  call_.reset();
  close(fd_);
}

uint32_t Connection::Events() const {
  if (!writing_) return EPOLLIN | EPOLLRDHUP;
  bool more_to_read = !records_.ended() && !peer_ended_ && thrown_ <= kReadAway;
  return EPOLLOUT | (more_to_read ? EPOLLIN | EPOLLRDHUP : 0U);
}

Connection::Next Connection::OnReady(int64_t now_us, Bytes* scratch) {
  if (writing_) {
    Next next = Write(now_us);
    if (next != Next::kWait || !writing_) return next;
    if ((Events() & EPOLLIN) == 0) return next;
  }
  return Read(now_us, scratch);
}

Connection::Next Connection::Read(int64_t now_us, Bytes* scratch) {
  for (int i = 0; i < kReadsAtOnce; ++i) {
    ssize_t n = recv(fd_, scratch->data(), scratch->size(), MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN ? Next::kWait : Next::kClose;
    if (n == 0) return PeerEnded();
    auto size = static_cast<size_t>(n);
    Next next = phase_ == Phase::kLinger ? Next::kWait : Feed({scratch->data(), size}, now_us);
    WipeMemory(scratch->data(), size);
    if (next != Next::kWait || size < scratch->size()) return next;
  }
  return Next::kWait;
}

bool Connection::PeerIsGone() const {
  pollfd look{fd_, 0, 0};
  look.events = gone_;
  return poll(&look, 1, 0) > 0 && (look.revents & gone_) != 0;
}

Connection::Next Connection::PeerEnded() {
  peer_ended_ = true;
  if (phase_ == Phase::kBody) {
    // It may still read: it is told, and the log tells.
    GiveUpBody(Code::kUnavailable, "body: it broke off");
    job_ = Job::kFail;
    return Next::kThink;
  }
  return writing_ ? Next::kWait : Next::kClose;
}

Connection::Next Connection::Feed(ByteView in, int64_t now_us) {
  if (phase_ == Phase::kIdle) {
    phase_ = Phase::kHead;
    since_us_ = now_us;
  }
  while (!in.empty()) {
    if (records_.ended()) {
      more_behind_ = true;
      break;
    }
    RecordsIn::Step step = records_.Next(&in);
    if (step.kind == RecordsIn::Kind::kBad) return Next::kBad;
    if (step.kind == RecordsIn::Kind::kParams) {
      if (!charge_.Grow(step.bytes.size())) return Next::kClose;
      params_.insert(params_.end(), step.bytes.begin(), step.bytes.end());
    }
    if (step.kind == RecordsIn::Kind::kHeadEnd) head_end_ = true;
    if (step.kind == RecordsIn::Kind::kBody) TakeBody(step.bytes);
  }
  return AfterFeed(now_us);
}

Connection::Next Connection::AfterFeed(int64_t now_us) {
  if (phase_ == Phase::kHead && head_end_) job_ = Job::kJudge;
  if (phase_ == Phase::kBody) {
    if (failed_) {
      job_ = Job::kFail;
    } else if (records_.ended()) {
      job_ = Job::kFinish;
    }
  }
  if (job_ != Job::kNone) return Next::kThink;
  if (phase_ != Phase::kAnswer || writing_) return Next::kWait;
  heard_us_ = now_us;
  if (records_.ended()) return AfterAnswer(now_us);
  return thrown_ > kReadAway ? Linger(now_us) : Next::kWait;
}

void Connection::TakeBody(ByteView bytes) {
  got_ += bytes.size();
  if (phase_ == Phase::kAnswer) {
    thrown_ += bytes.size();
    if (!writing_) progress_.Add(bytes.size());
    return;
  }
  if (failed_) return;
  // In phase kHead it came in one read with the head, and nobody has judged it yet.
  if (phase_ == Phase::kBody) {
    progress_.Add(bytes.size());
    if (got_ > limit_) return GiveUpBody(Code::kTooLarge, "body: over the limit");
    if (got_ > declared_.value_or(got_)) {
      return GiveUpBody(Code::kUnavailable, "body: it is longer than it says");
    }
  }
  if (!charge_.Grow(bytes.size()) || !body_.Append(bytes)) {
    GiveUpBody(Code::kOverloaded, "body: no room just now");
  }
}

void Connection::GiveUpBody(Code code, const char* why) {
  failed_ = Status(code, why);
  DropBody();
}

void Connection::DropBody() {
  body_.Clear();
  charge_.Release();
}

// Whether it surely is more than the web server can have put into the socket's buffers: then it has
// not sent the request yet, and will not pool the connection whatever it reads.
bool Connection::RestIsBig() const {
  return !records_.ended() && declared_ && *declared_ > got_ && *declared_ - got_ > kReadAway;
}

Connection::Next Connection::Write(int64_t now_us) {
  size_t taken = 0;
  RecordsOut::Result result = out_.Write(fd_, &taken);
  // What goes into an empty socket says nothing of who reads it.
  if (writing_) progress_.Add(taken);
  if (result == RecordsOut::Result::kBroken) return Next::kClose;
  writing_ = result == RecordsOut::Result::kLater;
  return writing_ ? Next::kWait : AfterAnswer(now_us);
}

// All that was given to out_ is written.
Connection::Next Connection::AfterAnswer(int64_t now_us) {
  out_.Clear();
  charge_.Release();
  if (!records_.ended()) {
    if (peer_ended_) return Next::kClose;
    if (end_sent_ || thrown_ > kReadAway) return Linger(now_us);
    progress_.Start(now_us);  // of what is read away
    heard_us_ = now_us;
    return Next::kWait;
  }
  if (!end_sent_) {
    end_sent_ = true;
    out_.End();
    return Write(now_us);
  }
  if (!records_.keep() || peer_ended_) return Next::kClose;
  return more_behind_ ? Linger(now_us) : NextRequest(now_us);
}

Connection::Next Connection::NextRequest(int64_t now_us) {
  records_.Reset();
  head_end_ = false;
  got_ = 0;
  thrown_ = 0;
  end_sent_ = false;
  phase_ = Phase::kIdle;
  since_us_ = now_us;
  return Next::kWait;
}

// Closing with unread bytes in the socket would reset it, and the web server might lose the answer
// that is on its way.
Connection::Next Connection::Linger(int64_t now_us) {
  shutdown(fd_, SHUT_WR);
  out_.Clear();
  charge_.Release();
  writing_ = false;
  phase_ = Phase::kLinger;
  since_us_ = now_us;
  return Next::kWait;
}

bool Connection::IsDue(int64_t now_us, const ConnectionLimits& limits) {
  int64_t age = now_us - since_us_;
  switch (phase_) {
    case Phase::kIdle:
      return age >= limits.idle_s * kSecondUs;
    case Phase::kHead:
      return age >= limits.head_s * kSecondUs;
    case Phase::kLinger:
      return age >= limits.linger_s * kSecondUs;
    case Phase::kAnswer:
      if (ReadsAway() && now_us - heard_us_ >= kQuietUs) return true;
      [[fallthrough]];
    case Phase::kBody:
      return progress_.TooSlow(now_us, limits.rate);
  }
  return false;
}

Connection::Next Connection::OnDue(int64_t now_us, const ConnectionLimits& limits) {
  if (phase_ == Phase::kBody) {
    slow_ = true;
    GiveUpBody(Code::kUnavailable, "body: it came too slowly");
    job_ = Job::kFail;
    return Next::kThink;
  }
  // The web server whose rest stays out has its answer, and its end.
  if (ReadsAway()) {
    end_sent_ = true;
    out_.End();
    progress_.Start(now_us, Progress::Flow::kLumps);
    return Write(now_us);
  }
  // One that reads an answer too slowly does not get the rest. A unix socket says that it is ready
  // only when three quarters of it (156 KiB) were read, but takes bytes before that: so many as a
  // slow reader has read.
  if (phase_ == Phase::kAnswer) {
    Next next = Write(now_us);
    if (next != Next::kWait || !writing_) return next;
    return progress_.TooSlow(now_us, limits.rate) ? Next::kSlow : Next::kWait;
  }
  return Next::kClose;
}

}  // namespace stateward
