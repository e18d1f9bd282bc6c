// One HTTP request to a service (S3, Vault, an issuer of tokens) and its answer, by libcurl.
//
// Never follows a redirect, never uses a proxy that was not asked for, verifies TLS, and bounds
// both time and size. Whatever the service answered is an answer, not an error: callers look at
// `status`. kUnavailable: no whole answer came (whether the request took effect is then unknown).
// kTooLarge: the answer is longer than allowed. Texts of errors hold no header and no body.
#ifndef STATEWARD_HTTP_CLIENT_HTTP_CLIENT_H_
#define STATEWARD_HTTP_CLIENT_HTTP_CLIENT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stateward/bytes.h"
#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // absolute, encoded; sent as it is
  std::vector<std::pair<std::string, std::string>> headers;
  // Values that must not be left in memory or shown (tokens).
  std::vector<std::pair<std::string, SecretString>> secret_headers;
  std::optional<ByteView> body;  // not owned; sent with Content-Length
  uint64_t max_answer_bytes = uint64_t{1} << 20;
  // Where the body of a 2xx answer goes instead of into HttpAnswer::body; not owned, emptied first.
  // For large ones that are no secret: those need no wiping.
  Bytes* body_to = nullptr;
  // From the first byte to the last, connecting included. A body gets a second more for each MiB,
  // the slowest link on which a state is still worth its wait.
  int64_t timeout_ms = 10000;
  // Not owned; when it becomes true, the request ends within about a second (kUnavailable).
  const std::atomic<bool>* stop = nullptr;
  // > 0: also ends when hardly anything (less than 1 KiB a second) went or came for so many
  // seconds; so that timeout_ms can be generous where nobody knows how long the answer will be.
  int stall_s = 0;
  // > 0: the body stops for so long once, after kBytesBeforePause. What the other side says
  // meanwhile ends the request: HttpAnswer::sent tells how far it came. timeout_ms has to be
  // longer.
  int64_t pause_ms = 0;
};

inline constexpr size_t kBytesBeforePause = size_t{16} * 1024;

struct HttpAnswer {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  SecretBytes body;
  size_t sent = 0;  // bytes of the request's body

  // The first header of that name (in lower case); "" when absent.
  std::string_view Header(std::string_view name) const;
};

// Thread-safe.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  virtual Result<HttpAnswer> Send(const HttpRequest& request) = 0;
};

struct HttpClientOptions {
  bool allow_http = false;                        // clear text is refused unless this is set
  std::string ca_file;                            // PEM; "" = the system's
  std::string client_cert_file, client_key_file;  // PEM; "" = none
  std::string tls_server_name;  // the name in the certificate, when the URL has another
  std::string proxy;            // URL; "" = none, whatever the environment says
  int64_t connect_timeout_ms = 3000;
  // Connects to no loopback, link-local, private or other special address: judged is the address
  // itself, whatever name led to it, and when.
  bool public_only = false;
};

// Whether a request could be sent there: kInvalidArgument says why not, without the text itself,
// which may hold a secret. Pure.
Status CheckUrl(const std::string& url);

// Keeps connections open between requests, at most one for each thread that was ever in Send at
// the same time. kInvalidArgument: a file that cannot be read.
// REQUIRES: the first call in a process happens before other threads use libcurl.
Result<std::unique_ptr<HttpClient>> NewCurlClient(const HttpClientOptions& options);

}  // namespace stateward

#endif  // STATEWARD_HTTP_CLIENT_HTTP_CLIENT_H_
