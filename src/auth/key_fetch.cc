#include "auth/key_fetch.h"

#include <utility>

#include "auth/jwk.h"
#include "base/json.h"
#include "base/loopback.h"

namespace stateward {
namespace {

// A request may wait for both answers, and the clients' patience is 15 s.
constexpr int64_t kTimeoutMs = 4000;
constexpr std::string_view kDiscovery = "/.well-known/openid-configuration";

Result<SecretBytes> Get(HttpClient& http, const std::string& url, size_t limit,
                        const std::atomic<bool>& stop) {
  HttpRequest request;
  request.url = url;
  request.headers = {{"Accept", "application/json"}};
  request.max_answer_bytes = limit;
  request.timeout_ms = kTimeoutMs;
  request.stop = &stop;
  Result<HttpAnswer> answer = http.Send(request);
  if (!answer.ok()) return Status::Unavailable(answer.status().detail());
  if (answer->status != 200) {
    return Status::Unavailable("status " + std::to_string(answer->status));
  }
  return std::move(answer->body);
}

std::string_view HostOf(std::string_view authority) {
  if (!authority.empty() && authority.front() == '[') {
    return authority.substr(0, authority.find(']') + 1);
  }
  return authority.substr(0, authority.find(':'));
}

// OK for https, and for http to loopback.
Status CheckPlace(std::string_view url) {
  for (char c : url) {
    if (c <= ' ' || c >= 0x7f || c == '#' || c == '|' || c == '\\') {
      return Status::InvalidArgument("holds a character that does not belong there");
    }
  }
  bool https = url.substr(0, 8) == "https://";
  if (!https && url.substr(0, 7) != "http://") {
    return Status::InvalidArgument("must begin with https://");
  }
  std::string_view rest = url.substr(https ? 8 : 7);
  std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  std::string_view host = HostOf(authority);
  if (host.empty()) return Status::InvalidArgument("names no host");
  if (authority.find('@') != authority.npos) return Status::InvalidArgument("names a user");
  if (!https && !IsLoopback(host)) {
    return Status::InvalidArgument("must begin with https:// (http:// only for loopback)");
  }
  return Status();
}

// The place of the key set.
Result<std::string> Discover(HttpClient& http, const std::string& issuer,
                             const std::atomic<bool>& stop) {
  std::string url = issuer.substr(0, issuer.find_last_not_of('/') + 1) + std::string(kDiscovery);
  Result<SecretBytes> text = Get(http, url, kSmallJsonMaxBytes, stop);
  if (!text.ok()) return std::move(text).status();
  Result<JsonObject> document = ParseSmallJson(*text);
  if (!document.ok()) return Status::Unavailable("not a JSON object");
  // Byte for byte, or another issuer's keys would speak for this one.
  if (document->String("issuer") != issuer) return Status::Unavailable("issuer is another one");
  std::optional<std::string> place = document->String("jwks_uri");
  if (!place) return Status::Unavailable("no jwks_uri");
  bool allowed = CheckPlace(*place).ok() &&
                 (place->substr(0, 8) == "https://" || issuer.substr(0, 7) == "http://");
  if (!allowed) return Status::Unavailable("jwks_uri is not https");
  return std::move(*place);
}

}  // namespace

Status CheckIssuerUrl(std::string_view url) {
  STATEWARD_RETURN_IF_ERROR(CheckPlace(url));
  if (url.size() > 1024) return Status::InvalidArgument("is longer than 1024 bytes");
  if (url.find('?') != url.npos) return Status::InvalidArgument("has a query");
  return Status();
}

Result<std::string> FetchKeySet(HttpClient& http, const std::string& issuer,
                                const std::atomic<bool>& stop) {
  Result<std::string> place = Discover(http, issuer, stop);
  if (!place.ok()) return std::move(place).status().At("discovery");
  Result<SecretBytes> keys = Get(http, *place, kMaxKeySetBytes, stop);
  if (!keys.ok()) return std::move(keys).status().At("key set");
  return std::string(ByteView(*keys).AsString());
}

}  // namespace stateward
