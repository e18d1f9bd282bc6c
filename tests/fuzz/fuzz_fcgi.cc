// The bytes of a connection, whatever they are and however they are split: RecordsIn takes them
// apart, libfcgi parses what it lets through, and a Connection serves it over a socket.
//
// The first byte of an input says how the rest is split, whether the peer reads only at the end and
// whether time runs out meanwhile; the second whether a body is refused.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>

#include "fcgi/connection.h"
#include "fcgi/libfcgi_bridge.h"
#include "fcgi/records_in.h"

namespace stateward {
namespace {

constexpr uint64_t kLimit = 100000;
// An input comes in so many pieces at most: more of them show nothing new, and took most of the
// time. What is shorter than this comes byte by byte, too.
constexpr size_t kPieces = 512;

void Must(bool condition) {
  if (!condition) abort();
}

struct Heard {
  std::string params;
  std::string body;
  bool head = false;
  bool ended = false;
  bool bad = false;
};

Heard Hear(ByteView bytes, size_t piece) {
  Heard heard;
  RecordsIn records;
  for (size_t at = 0; at < bytes.size() && !heard.bad; at += piece) {
    ByteView in = bytes.Sub(at, std::min(piece, bytes.size() - at));
    while (!in.empty() && !heard.bad && !heard.ended) {
      RecordsIn::Step step = records.Next(&in);
      switch (step.kind) {
        case RecordsIn::Kind::kMore:
          Must(in.empty());
          break;
        case RecordsIn::Kind::kParams:
          Must(!heard.head);
          heard.params += step.bytes.AsString();
          break;
        case RecordsIn::Kind::kHeadEnd:
          Must(!heard.head);
          heard.head = true;
          break;
        case RecordsIn::Kind::kBody:
          Must(heard.head);
          heard.body += step.bytes.AsString();
          break;
        case RecordsIn::Kind::kEnd:
          Must(heard.head);
          heard.ended = true;
          break;
        case RecordsIn::Kind::kBad:
          heard.bad = true;
          break;
      }
    }
  }
  Must(heard.params.size() <= kMaxParamBytes);
  return heard;
}

class Call : public PendingCall {
 public:
  std::string_view Principal() const override { return "p"; }
  uint64_t BodyLimit() const override { return kLimit; }
  Response Finish(ByteView body) override {
    Must(body.size() <= kLimit);
    Response response;
    response.status = 200;
    response.body.assign(body.begin(), body.end());
    return response;
  }
  Response Fail(const Status&) override {
    Response response;
    response.status = 503;
    return response;
  }
  Request GiveBack() override { return Request(); }
};

class Echo : public Handler {
 public:
  explicit Echo(bool refuse) : refuse_(refuse) {}
  Judged Judge(Request, AnswerRoom&) override {
    if (!refuse_) return std::make_unique<Call>();
    Response response;
    response.status = 401;
    return response;
  }
  Response GiveUp(const Status&, std::string_view) override {
    Must(false);
    return Response();
  }

 private:
  const bool refuse_;
};

class Source : public HandlerSource {
 public:
  explicit Source(bool refuse) : echo_(std::make_shared<Echo>(refuse)) {}
  std::shared_ptr<Handler> Current() override { return echo_; }

 private:
  const std::shared_ptr<Handler> echo_;
};

void Drain(int fd) {
  char scratch[4096];
  while (recv(fd, scratch, sizeof scratch, MSG_DONTWAIT) > 0) {
  }
}

struct Peer {
  bool reads_late = false;  // the answer fills what the socket holds
  bool out_of_time = false;
};

// As the loop does it, with one connection.
void Serve(ByteView bytes, size_t piece, bool refuse, Peer peer) {
  static Log log{LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kFatal};
  static Bytes scratch(size_t{16} * 1024);
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return;
  const int small = 4096;
  if (peer.reads_late) setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  Memory memory(1 << 20, 50);
  Source source(refuse);
  {
    Connection connection(16, pair[0], true, memory, 0);
    using Next = Connection::Next;
    Next next = Next::kWait;
    int64_t now_us = 1;
    auto think = [&] {
      if (next == Next::kThink) next = connection.Think(source, log, now_us);
      Must(next != Next::kThink);
    };
    for (size_t at = 0; at < bytes.size() && next == Next::kWait;) {
      ByteView some = bytes.Sub(at, std::min(piece, bytes.size() - at));
      ssize_t n = send(pair[1], some.data(), some.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n > 0) at += static_cast<size_t>(n);
      next = connection.OnReady(now_us, &scratch);
      think();
      // A full socket would be tried for ever.
      if (!peer.reads_late || n <= 0) Drain(pair[1]);
    }
    for (int i = 0; peer.out_of_time && i < 3 && next == Next::kWait; ++i) {
      now_us += 1000000000;  // beyond every limit
      // An answer's first stretch has some to spare.
      if (!connection.IsDue(now_us, ConnectionLimits())) continue;
      next = connection.OnDue(now_us, ConnectionLimits());
      think();
    }
    if (next == Next::kWait) {
      shutdown(pair[1], SHUT_WR);
      // What it still has to say is not more than its memory.
      for (int i = 0; i < 1000 && next == Next::kWait; ++i) {
        next = connection.OnReady(now_us, &scratch);
        think();
        Drain(pair[1]);
      }
      Must(next != Next::kWait || connection.phase() == Connection::Phase::kLinger);
    }
  }
  close(pair[1]);
  Must(memory.Used() == 0);
}

}  // namespace
}  // namespace stateward

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stateward;  // NOLINT: a fuzzer's only function
  static const bool ready = InitFcgiLibrary().ok();
  Must(ready);
  if (size < 2) return 0;
  ByteView bytes{data + 2, size - 2};
  // 1, 2, 4, … 32768 bytes at a time.
  size_t piece = std::max(size_t{1} << (data[0] & 15), bytes.size() / kPieces);
  Heard whole = Hear(bytes, bytes.size() + 1);
  Heard pieces = Hear(bytes, piece);
  Must(whole.bad == pieces.bad && whole.head == pieces.head && whole.ended == pieces.ended);
  if (!whole.bad) Must(whole.params == pieces.params && whole.body == pieces.body);
  if (whole.head) {
    Result<Request> request = ParseParams(whole.params, (data[1] & 2) != 0);
    Must(!request.ok() || request->request_id.size() == 32);
  }
  Peer peer;
  peer.reads_late = (data[0] & 0x20) != 0;
  peer.out_of_time = (data[0] & 0x40) != 0;
  Serve(bytes, std::max<size_t>(piece, 16), (data[1] & 1) != 0, peer);
  return 0;
}
