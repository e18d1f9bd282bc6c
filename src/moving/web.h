// Asks a source that speaks HTTP, with its credentials, and makes errors of its answers.
#ifndef STATEWARD_MOVING_WEB_H_
#define STATEWARD_MOVING_WEB_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "http_client/http_client.h"
#include "stateward/result.h"

namespace stateward {

// Thread-safe.
class Web {
 public:
  // `header`, `value`: of the credentials; "" = none. They go to `origin` ("https://HOST[:PORT]")
  // and to nobody else.
  Web(std::unique_ptr<HttpClient> http, std::string origin, std::string header, SecretString value)
      : http_(std::move(http)),
        origin_(std::move(origin)),
        header_(std::move(header)),
        value_(std::move(value)) {}

  struct Ask {
    std::string method = "GET";
    std::string url;  // absolute, or a path of the origin
    std::string body;
    std::string content_type = "application/json";
  };
  // Whatever the service answers.
  Result<HttpAnswer> Send(const Ask& ask) const;
  // A document. kNotFound: 404, 204, or an answer without a body.
  Result<SecretBytes> GetDocument(const std::string& url) const;
  Result<JsonObject> GetJson(const Ask& ask) const;

  // kPermissionDenied, kUnavailable: what an answer means that nobody wanted.
  static Status Unexpected(const Ask& ask, const HttpAnswer& answer);

 private:
  const std::unique_ptr<HttpClient> http_;
  const std::string origin_;
  const std::string header_;
  const SecretString value_;
};

// "https://HOST[:PORT]" of an address; "" = it is none (http:// for tests and own networks, too).
std::string OriginOf(const std::string& url);
// What is behind the origin, without a '/' at the end.
std::string PathOf(const std::string& url);
// For messages, histories and trails: a query may hold a key, and so may user information.
std::string ShownAddress(const std::string& url);

}  // namespace stateward

#endif  // STATEWARD_MOVING_WEB_H_
