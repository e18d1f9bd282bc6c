#include "http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace bench {
namespace {

// More than nginx sends in one piece.
constexpr size_t kScratch = 256 * 1024;
// The web server's own error pages have heads of about 200 bytes.
constexpr size_t kMaxHead = 16 * 1024;

bool Is(std::string_view line, std::string_view name) {
  return line.size() > name.size() && strncasecmp(line.data(), name.data(), name.size()) == 0;
}

}  // namespace

bool Address::Parse(const std::string& text) {
  if (text.compare(0, 5, "unix:") == 0) {
    auto* to = reinterpret_cast<sockaddr_un*>(&bytes);
    if (text.size() - 5 >= sizeof to->sun_path) return false;
    to->sun_family = AF_UNIX;
    std::memcpy(to->sun_path, text.data() + 5, text.size() - 5);
    size = sizeof *to;
    return true;
  }
  size_t colon = text.rfind(':');
  if (colon == std::string::npos) return false;
  uint16_t port = 0;
  auto [end, error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
  auto* to = reinterpret_cast<sockaddr_in*>(&bytes);
  to->sin_family = AF_INET;
  to->sin_port = htons(port);
  size = sizeof *to;
  return error == std::errc() && end == text.data() + text.size() &&
         inet_pton(AF_INET, text.substr(0, colon).c_str(), &to->sin_addr) == 1;
}

bool HttpClient::Open(const Address& address, bool* made) {
  *made = fd_ < 0;
  if (fd_ >= 0) return true;
  // Connecting on the same host never waits; only the requests are not to block.
  fd_ = socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return false;
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&address.bytes), address.size) != 0) {
    Close();
    return false;
  }
  int on = 1;
  if (address.bytes.ss_family == AF_INET) {
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return true;
}

void HttpClient::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

Progress HttpClient::Send(Request request, size_t watch_at) {
  request_ = std::move(request);
  sent_ = 0;
  head_.clear();
  in_body_ = false;
  close_after_ = false;
  status_ = 0;
  body_have_ = 0;
  watch_at_ = watch_at;
  watched_have_ = 0;
  return Write();
}

Progress HttpClient::Step() {
  return sent_ < request_.head.size() + request_.body.size() ? Write() : Read();
}

Progress HttpClient::Write() {
  const size_t head = request_.head.size();
  const size_t total = head + request_.body.size();
  while (sent_ < total) {
    iovec parts[2];
    int count = 0;
    if (sent_ < head) parts[count++] = {request_.head.data() + sent_, head - sent_};
    size_t skip = sent_ > head ? sent_ - head : 0;
    if (skip < request_.body.size()) {
      parts[count++] = {const_cast<char*>(request_.body.data()) + skip,
                        request_.body.size() - skip};
    }
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = static_cast<size_t>(count);
    ssize_t n = sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return Progress::kWriting;
    if (n < 0) return Progress::kBroken;
    sent_ += static_cast<size_t>(n);
  }
  return Progress::kReading;
}

Progress HttpClient::Read() {
  static thread_local char scratch[kScratch];
  for (;;) {
    ssize_t n = recv(fd_, scratch, sizeof scratch, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return Progress::kReading;
    if (n <= 0) return Progress::kBroken;
    size_t at = 0;
    auto have = static_cast<size_t>(n);
    if (!in_body_) {
      size_t before = head_.size();
      head_.append(scratch, std::min(have, kMaxHead));
      size_t end = head_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
      if (end == std::string::npos) {
        if (head_.size() > kMaxHead) return Progress::kBroken;
        continue;
      }
      at = end + 4 - before;
      head_.resize(end + 2);
      if (!ParseHead()) return Progress::kBroken;
      in_body_ = true;
    }
    TakeBody(scratch + at, have - at);
    if (body_have_ == body_size_) return Answered();
    if (body_have_ > body_size_) return Progress::kBroken;
    // A short read empties the socket: asking again would only cost a call.
    if (have < sizeof scratch) return Progress::kReading;
  }
}

bool HttpClient::ParseHead() {
  std::string_view rest = head_;
  if (rest.size() < 12 || rest.substr(0, 7) != "HTTP/1.") return false;
  std::from_chars(rest.data() + 9, rest.data() + 12, status_);
  bool sized = false;
  while (!rest.empty()) {
    size_t end = rest.find("\r\n");
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    if (Is(line, "content-length: ")) {
      std::from_chars(line.data() + 16, line.data() + line.size(), body_size_);
      sized = true;
    } else if (Is(line, "connection: close")) {
      close_after_ = true;
    }
  }
  return sized;
}

void HttpClient::TakeBody(const char* bytes, size_t n) {
  uint64_t want = watch_at_ + watched_have_;
  if (watched_have_ < sizeof watched_ && body_have_ + n > want) {
    size_t from = want - body_have_;
    size_t take = std::min(n - from, sizeof watched_ - watched_have_);
    std::memcpy(watched_ + watched_have_, bytes + from, take);
    watched_have_ += take;
  }
  body_have_ += n;
}

Progress HttpClient::Answered() {
  if (close_after_) Close();
  return Progress::kAnswered;
}

}  // namespace bench
