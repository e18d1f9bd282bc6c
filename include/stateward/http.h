// HTTP as values. No FastCGI type, no pointer into FastCGI memory.
#ifndef STATEWARD_HTTP_H_
#define STATEWARD_HTTP_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "stateward/bytes.h"
#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

enum class Method : uint8_t { kGet, kPost, kPut, kDelete, kLock, kUnlock, kHead, kOther };

struct Request {
  Method method = Method::kOther;
  std::string target;  // REQUEST_URI as it came: path and query, still encoded
  std::optional<SecretString> authorization;
  std::optional<std::string> content_md5;
  std::optional<std::string> content_encoding;
  std::optional<uint64_t> content_length;  // absent for chunked bodies
  std::string remote_addr;                 // as the web server says; for the log
  // STATEWARD_USER and STATEWARD_CERT_SUBJECT, which no client can set; "" when absent, or when the
  // web server's connection is neither a unix socket nor from an address of FASTCGI_ALLOW.
  std::string proxy_user;
  std::string proxy_certificate;
  // Headers that /api/v1 alone looks at; "" when absent.
  std::string content_type;
  std::string if_match;
  std::string if_none_match;
  std::string idempotency_key;
  std::string origin;
  std::string host;         // as the client named this server
  bool https = false;       // HTTPS=on: the web server says that the client came by TLS
  std::string traceparent;  // W3C Trace Context, of the web server; "" = none, or not well-formed
  std::string request_id;   // 32 hex digits: the web server's, or made here
  int64_t since_us = 0;     // Clock::SteadyUs of its first judgement; 0: it was not judged yet
};

struct Response {
  int status = 500;
  std::string content_type;  // "" when there is no body
  std::vector<std::pair<std::string, std::string>> headers;
  SecretBytes body;
  std::optional<uint64_t> length;  // of a body that is not sent: the one that a HEAD asks about
};

// Memory for an answer that waits until its client has taken it.
// Used by one thread while a request is judged.
class AnswerRoom {
 public:
  virtual ~AnswerRoom() = default;
  // Charges `size` bytes to the process and to `principal`. False: no room just now (kOverloaded).
  virtual bool Take(std::string_view principal, size_t size) = 0;
};

// A request that was let in and waits for its body. It keeps what it needs of the request; the
// handler that made it must outlive it.
// Used by one thread at a time; exactly one of Finish and Fail is called, at most once.
class PendingCall {
 public:
  virtual ~PendingCall() = default;
  // Whose memory the body takes; "" = nobody's in particular.
  virtual std::string_view Principal() const = 0;
  // In bytes; a longer body is kTooLarge.
  virtual uint64_t BodyLimit() const = 0;
  // `body` is whole: its end was seen, and its length is the one that was declared, if any.
  virtual Response Finish(ByteView body) = 0;
  // There will be no body. kTooLarge; kUnavailable: it broke off, or came too slowly (the client
  // repeats); kOverloaded: no room for it just now.
  virtual Response Fail(const Status& why) = 0;
  // The request, to be judged again: by other settings than those it was let in by, or much later.
  // Neither Finish nor Fail may be called then.
  virtual Request GiveBack() = 0;
  // Behind GiveBack, when the request was refused then: a document of which this may be the only
  // copy is put by, and nothing else changes.
  virtual void Keep(ByteView /*body*/) {}
  // Whether the body is such a document.
  virtual bool IsDocument() const { return false; }
};

// Either the answer, for which no byte of a body was needed, or a call that waits for its body.
using Judged = std::variant<Response, std::unique_ptr<PendingCall>>;

// Answers requests, in two steps, so that nothing is gathered for a request that is refused.
// Thread-safe.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual Judged Judge(Request request, AnswerRoom& room) = 0;
  // The answer to a request that broke off in this process: kOverloaded for want of memory,
  // kUnavailable for want of random bytes. `request_id`: "" when it was not known yet.
  virtual Response GiveUp(const Status& why, std::string_view request_id) = 0;
};

}  // namespace stateward

#endif  // STATEWARD_HTTP_H_
