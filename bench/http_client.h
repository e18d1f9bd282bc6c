// One client of the load driver: a kept HTTP/1.1 connection that never blocks.
#ifndef STATEWARD_BENCH_HTTP_CLIENT_H_
#define STATEWARD_BENCH_HTTP_CLIENT_H_

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bench {

// Where the web server listens: "host:port" (a number, no name) or "unix:/path".
struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  // False: not one of the two forms.
  bool Parse(const std::string& text);
};

struct Request {
  std::string head;         // request line and header fields, with the empty line
  std::string_view body{};  // must live until the answer has come
};

enum class Progress : uint8_t { kReading, kWriting, kAnswered, kBroken };

class HttpClient {
 public:
  HttpClient() = default;
  ~HttpClient() { Close(); }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Connects when the last answer closed the connection. False: cannot connect.
  bool Open(const Address& address, bool* made);
  void Close();
  int fd() const { return fd_; }

  // Begins a request; `watch_at` is the offset of 16 answer bytes to keep for the caller.
  Progress Send(Request request, size_t watch_at);
  // Goes on after the descriptor became ready.
  Progress Step();

  int status() const { return status_; }
  uint64_t body_bytes() const { return body_have_; }
  std::string_view watched() const { return {watched_, watched_have_}; }

 private:
  Progress Write();
  Progress Read();
  bool ParseHead();
  void TakeBody(const char* bytes, size_t n);
  Progress Answered();

  int fd_ = -1;
  Request request_;
  size_t sent_ = 0;
  std::string head_;
  bool in_body_ = false;
  bool close_after_ = false;
  int status_ = 0;
  uint64_t body_size_ = 0;
  uint64_t body_have_ = 0;
  size_t watch_at_ = 0;
  char watched_[16] = {};
  size_t watched_have_ = 0;
};

}  // namespace bench

#endif  // STATEWARD_BENCH_HTTP_CLIENT_H_
