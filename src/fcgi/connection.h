// One connection of a web server: where its bytes are, and what comes next.
//
//   kIdle ─► kHead ─► judged by a thread ─► kBody ─► handled by a thread ─► kAnswer ─► kIdle
//                          │ refused, or needs no body                        ▲   │
//                          └──────────────────────────────────────────────────┘   └► kLinger
//
// No call here waits for the peer. OnReady and OnDue move bytes; Think does what may take its time
// (credentials, the store), and never touches more of the socket than the first write of the
// answer.
//
// Used by one thread at a time; which one, Connections says.
#ifndef STATEWARD_FCGI_CONNECTION_H_
#define STATEWARD_FCGI_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "fcgi/body_buffer.h"
#include "fcgi/memory.h"
#include "fcgi/progress.h"
#include "fcgi/records_in.h"
#include "fcgi/records_out.h"
#include "stateward/http.h"

namespace stateward {

// What a reload exchanges between two requests. Thread-safe.
class HandlerSource {
 public:
  virtual ~HandlerSource() = default;
  virtual std::shared_ptr<Handler> Current() = 0;
};

struct ConnectionLimits {
  // Beyond nginx's and Apache's own limits for idle connections (the snippets: 3 s).
  int idle_s = 75;
  // A web server sends a head in one piece; this is room for a busy host.
  int head_s = 5;
  // The web server closes as soon as it has the answer.
  int linger_s = 2;
  LeastRate rate;
};

class Connection : private AnswerRoom {
 public:
  enum class Phase : uint8_t { kIdle, kHead, kBody, kAnswer, kLinger };
  enum class Next : uint8_t {
    kWait,   // for what Events() says
    kThink,  // Think() must be called, by a thread that may take its time
    kClose,
    kBad,   // the peer broke the protocol: close
    kGone,  // the peer closed before its request's turn came: close, nothing was done
    kSlow,  // the peer reads its answer too slowly: close
  };
  // A rest of a body up to here is read away, so that the connection stays good. A web server takes
  // a request for sent when its body is in the socket's buffers, and would pool a connection that
  // we then close: so it is more than those hold (208 KiB by default).
  static constexpr uint64_t kReadAway = uint64_t{1} << 20;
  // What of such a rest has not come so long after the last of it will not come: nginx sends
  // nothing more once it has the answer, and waits for its end. It has not sent the request then,
  // and will not pool the connection.
  static constexpr int64_t kQuietUs = 200000;
  // For so long what was found out about a request holds: who sends the body more slowly may be
  // nobody any more, or may have lost the right to it.
  static constexpr int64_t kJudgedUs = 1000000;

  // Takes over `fd`. may_vouch: its peer may say who the client is.
  Connection(uint64_t id, int fd, bool may_vouch, Memory& memory, int64_t now_us);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  uint64_t id() const { return id_; }
  const std::string& request_id() const { return request_id_; }  // of the last one; "" = none yet
  int fd() const { return fd_; }
  Phase phase() const { return phase_; }
  int64_t since_us() const { return since_us_; }
  // The answer is written but for its end, and the rest of the body is awaited (kQuietUs).
  bool ReadsAway() const { return phase_ == Phase::kAnswer && !writing_ && !end_sent_; }
  // The epoll events that kWait waits for.
  uint32_t Events() const;

  // Reads and writes what goes without waiting. `scratch`: a buffer of the calling thread's; it is
  // wiped as far as it was used.
  Next OnReady(int64_t now_us, Bytes* scratch);
  // Judges, handles or refuses the request. REQUIRES: kThink was returned last.
  Next Think(HandlerSource& handlers, const Log& log, int64_t now_us);
  // Whether time is up for what it waits for: then OnDue must be called. To be asked each second.
  bool IsDue(int64_t now_us, const ConnectionLimits& limits);
  Next OnDue(int64_t now_us, const ConnectionLimits& limits);

 private:
  enum class Job : uint8_t { kNone, kJudge, kFinish, kFail };

  Next Read(int64_t now_us, Bytes* scratch);
  Next Feed(ByteView in, int64_t now_us);
  Next AfterFeed(int64_t now_us);
  Next PeerEnded();
  void TakeBody(ByteView bytes);
  void GiveUpBody(Code code, const char* why);

  Next Judge(HandlerSource& handlers, int64_t now_us);
  Next GatherBody(HandlerSource& handlers, int64_t now_us);
  Next Finish(HandlerSource& handlers, int64_t now_us);
  bool PeerIsGone() const;
  bool MustBeJudgedAgain(HandlerSource& handlers, int64_t now_us) const;
  std::optional<Response> JudgeAgain(HandlerSource& handlers);
  Next Answer(Response response, int64_t now_us);
  Next GiveUp(HandlerSource& handlers, const Log& log, const Status& why, int64_t now_us);
  bool Take(std::string_view principal, size_t size) override;

  bool RestIsBig() const;
  Next Write(int64_t now_us);
  Next AfterAnswer(int64_t now_us);
  Next EndAndLinger(int64_t now_us);
  Next Linger(int64_t now_us);
  Next NextRequest(int64_t now_us);
  void DropBody();

  const uint64_t id_;
  const int fd_;
  const bool may_vouch_;
  const short gone_;  // the events of poll(2) that say that the peer closed
  Phase phase_ = Phase::kIdle;
  Job job_ = Job::kNone;
  int64_t since_us_ = 0;  // when the phase began
  int64_t heard_us_ = 0;  // when something of the rest came, while ReadsAway()
  Progress progress_;     // of kBody and kAnswer

  RecordsIn records_;
  SecretBytes params_;
  bool head_end_ = false;     // the parameters are whole
  bool more_behind_ = false;  // bytes followed the request before it was answered
  bool peer_ended_ = false;   // it sends no more
  bool slow_ = false;         // it sent too slowly: its body is not waited for any more
  uint64_t got_ = 0;          // bytes of the body that came
  uint64_t thrown_ = 0;       // of those, since the answer was known
  BodyBuffer body_;
  Memory::Charge charge_;

  std::string request_id_;
  std::optional<uint64_t> declared_;
  std::shared_ptr<Handler> handler_;   // outlives call_
  std::unique_ptr<PendingCall> call_;  // null: not judged yet, or answered
  uint64_t limit_ = 0;                 // of its body
  std::optional<Status> failed_;       // why there will be no body

  RecordsOut out_;
  bool end_sent_ = false;  // the end of the answer was given to out_
  bool writing_ = false;   // the peer did not take all of it yet
};

}  // namespace stateward

#endif  // STATEWARD_FCGI_CONNECTION_H_
