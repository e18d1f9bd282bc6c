// HTTP as values. No FastCGI type, no pointer into FastCGI memory (except the body's source).
#ifndef STATEWARD_HTTP_H_
#define STATEWARD_HTTP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stateward/bytes.h"
#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

enum class Method : uint8_t { kGet, kPost, kPut, kDelete, kLock, kUnlock, kOther };

// The body, read on demand: after authentication, never before.
// Used by one thread while the request lasts.
class BodySource {
 public:
  virtual ~BodySource() = default;
  // Reads to the end. kTooLarge: more than `limit` bytes, nothing is kept. kUnavailable: the body
  // broke off (it must not be used; the client repeats). kOverloaded: no room for it just now.
  virtual Result<SecretBytes> ReadAll(uint64_t limit) = 0;
};

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
  std::string request_id;      // 32 hex digits: the web server's, or made here
  BodySource* body = nullptr;  // not owned; never null in a handler
};

struct Response {
  int status = 500;
  std::string content_type;  // "" when there is no body
  std::vector<std::pair<std::string, std::string>> headers;
  SecretBytes body;
};

// Answers one request. Thread-safe.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual Response Handle(const Request& request) = 0;
};

}  // namespace stateward

#endif  // STATEWARD_HTTP_H_
