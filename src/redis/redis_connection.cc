#include "redis/redis_connection.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "stateward/secret.h"

namespace stateward {
namespace {

// Our longest answer is a page of locks, half as long (redis_lock.cc).
constexpr size_t kMaxAnswerBytes = size_t{1} << 20;
constexpr size_t kReadBytes = size_t{16} * 1024;
// Error texts go to the log.
constexpr size_t kMaxErrorText = 200;

struct FreeReply {
  void operator()(void* reply) const { freeReplyObject(reply); }
};

void Append(std::string_view text, SecretBytes* out) {
  out->insert(out->end(), text.begin(), text.end());
}

// Wiped after it was sent: one of the words may be a password.
SecretBytes Encode(const std::vector<std::string_view>& words) {
  SecretBytes out;
  size_t size = 32;
  for (std::string_view word : words) size += word.size() + 32;
  out.reserve(size);
  Append("*" + std::to_string(words.size()) + "\r\n", &out);
  for (std::string_view word : words) {
    Append("$" + std::to_string(word.size()) + "\r\n", &out);
    Append(word, &out);
    Append("\r\n", &out);
  }
  return out;
}

// hiredis bounds the depth to 7.
RedisReply Copy(const redisReply& from) {
  RedisReply out;
  switch (from.type) {
    case REDIS_REPLY_INTEGER:
      out.kind = RedisReply::Kind::kInteger;
      out.integer = from.integer;
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      out.kind = RedisReply::Kind::kText;
      out.text.assign(from.str, from.len);
      break;
    case REDIS_REPLY_ERROR:
      out.kind = RedisReply::Kind::kError;
      out.text.assign(from.str, std::min(from.len, kMaxErrorText));
      break;
    case REDIS_REPLY_ARRAY:
      out.kind = RedisReply::Kind::kArray;
      for (size_t i = 0; i < from.elements; ++i) out.items.push_back(Copy(*from.element[i]));
      break;
    default:
      break;
  }
  return out;
}

timeval Until(const Clock& clock, int64_t deadline_us) {
  int64_t left = std::max<int64_t>(deadline_us - clock.SteadyUs(), 1000);
  return {static_cast<time_t>(left / 1000000), static_cast<suseconds_t>(left % 1000000)};
}

}  // namespace

bool RedisReply::IsError(std::string_view word) const {
  return kind == Kind::kError && text.compare(0, word.size(), word) == 0;
}

void RedisConnection::Free::operator()(redisContext* context) const { redisFree(context); }

Result<std::unique_ptr<RedisConnection>> RedisConnection::Open(const Clock& clock,
                                                               const HostPort& to,
                                                               int64_t deadline_us) {
  redisContext* context =
      redisConnectWithTimeout(to.host.c_str(), to.port, Until(clock, deadline_us));
  auto out = Checked(clock, context, to.host + ":" + std::to_string(to.port));
  // A peer that vanished without a word is found while the connection rests in the pool.
  if (out.ok()) redisEnableKeepAlive(context);
  return out;
}

Result<std::unique_ptr<RedisConnection>> RedisConnection::OpenUnix(const Clock& clock,
                                                                   const std::string& path,
                                                                   int64_t deadline_us) {
  return Checked(clock, redisConnectUnixWithTimeout(path.c_str(), Until(clock, deadline_us)), path);
}

Result<std::unique_ptr<RedisConnection>> RedisConnection::Checked(const Clock& clock,
                                                                  redisContext* context,
                                                                  const std::string& where) {
  if (context == nullptr) return Status::Unavailable("redis: no memory");
  std::unique_ptr<RedisConnection> out(new RedisConnection(clock, context));
  if (context->err != 0) {
    return Status::Unavailable("redis " + where + ": " + std::string(context->errstr));
  }
  return out;
}

Status RedisConnection::Wait(short events, int64_t deadline_us) {
  for (;;) {
    int64_t left_ms = (deadline_us - clock_.SteadyUs()) / 1000;
    if (left_ms <= 0) return Status::Unavailable("redis: no answer in time");
    pollfd fd{context_->fd, events, 0};
    int n = poll(&fd, 1, static_cast<int>(std::min<int64_t>(left_ms, 60000)));
    if (n > 0) return Status();
    if (n < 0 && errno != EINTR) return FromErrno("redis: poll", errno);
  }
}

Result<RedisReply> RedisConnection::Call(const std::vector<std::string_view>& words,
                                         int64_t deadline_us) {
  SecretBytes command = Encode(words);
  for (size_t sent = 0; sent < command.size();) {
    ssize_t n = send(context_->fd, command.data() + sent, command.size() - sent,
                     MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) {
      sent += static_cast<size_t>(n);
    } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      STATEWARD_RETURN_IF_ERROR(Wait(POLLOUT, deadline_us));
    } else if (n < 0 && errno != EINTR) {
      return FromErrno("redis: send", errno);
    }
  }
  for (size_t got = 0; got < kMaxAnswerBytes;) {
    void* found = nullptr;
    if (redisGetReplyFromReader(context_.get(), &found) != REDIS_OK) {
      return Status::Unavailable("redis: " + std::string(context_->errstr));
    }
    if (found != nullptr) {
      std::unique_ptr<void, FreeReply> reply(found);
      return Copy(*static_cast<redisReply*>(found));
    }
    STATEWARD_RETURN_IF_ERROR(Wait(POLLIN, deadline_us));
    STATEWARD_RETURN_IF_ERROR(Read(&got));
  }
  return Status::Unavailable("redis: the answer is too long");
}

// By recv and not by redisBufferRead, which does not say how much came: a network brings an answer
// in pieces of any size.
Status RedisConnection::Read(size_t* got) {
  std::array<char, kReadBytes> piece;
  const ssize_t n = recv(context_->fd, piece.data(), piece.size(), MSG_DONTWAIT);
  if (n == 0) return Status::Unavailable("redis: Server closed the connection");
  if (n < 0) {
    const bool again = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    return again ? Status() : FromErrno("redis: recv", errno);
  }
  *got += static_cast<size_t>(n);
  if (redisReaderFeed(context_->reader, piece.data(), static_cast<size_t>(n)) != REDIS_OK) {
    return Status::Unavailable("redis: " + std::string(context_->reader->errstr));
  }
  return Status();
}

bool RedisConnection::IsQuiet() const {
  pollfd fd{context_->fd, POLLIN, 0};
  return poll(&fd, 1, 0) == 0;
}

}  // namespace stateward
