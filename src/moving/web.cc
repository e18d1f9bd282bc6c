#include "moving/web.h"

#include "moving/source.h"

namespace stateward {
namespace {

// A page of 100 workspaces of HCP is about 500 KiB.
constexpr size_t kMaxJson = size_t{8} << 20;
// A large document over a slow link; without bytes for stall_s it ends earlier.
constexpr int64_t kTimeoutMs = int64_t{600} * 1000;
constexpr int kStallSeconds = 30;

}  // namespace

std::string OriginOf(const std::string& url) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (url.compare(0, scheme.size(), scheme) != 0) continue;
    const std::string origin = url.substr(0, url.find('/', scheme.size()));
    const bool good = origin.size() > scheme.size() && origin.find('@') == origin.npos;
    return good ? origin : "";
  }
  return "";
}

std::string PathOf(const std::string& url) {
  std::string path = url.substr(OriginOf(url).size());
  while (!path.empty() && path.back() == '/') path.pop_back();
  return path;
}

std::string ShownAddress(const std::string& url) {
  const size_t scheme = url.find("://");
  if (scheme == url.npos) return url;  // no address
  std::string shown = url.substr(0, url.find_first_of("?#"));
  const size_t host = scheme + 3;
  const size_t at = shown.substr(0, shown.find('/', host)).rfind('@');
  if (at != shown.npos && at >= host) shown.erase(host, at - host + 1);
  return shown.size() < url.size() ? shown + " (the rest is not shown)" : shown;
}

Status Web::Unexpected(const Ask& ask, const HttpAnswer& answer) {
  const std::string what =
      ask.method + " " + ShownAddress(ask.url) + ": " + std::to_string(answer.status);
  if (answer.status == 401 || answer.status == 403) {
    return {Code::kPermissionDenied, what + ", the credentials do not allow it"};
  }
  if (answer.status == 404) return Status::NotFound(what);
  if (answer.status >= 300 && answer.status < 400) {
    return Status::Unavailable(what + ", a redirect: give the address that it leads to");
  }
  return Status::Unavailable(what);
}

Result<HttpAnswer> Web::Send(const Ask& ask) const {
  HttpRequest request;
  request.method = ask.method;
  const bool path = !ask.url.empty() && ask.url[0] == '/';
  request.url = path ? origin_ + ask.url : ask.url;
  const bool ours = OriginOf(request.url) == origin_;
  if (ours && !header_.empty()) request.secret_headers.emplace_back(header_, value_);
  if (!ask.body.empty()) {
    request.headers.emplace_back("content-type", ask.content_type);
    request.body = ByteView(ask.body);
  }
  request.max_answer_bytes = kMaxSourceDocument;
  request.timeout_ms = kTimeoutMs;
  request.stall_s = kStallSeconds;
  return http_->Send(request);
}

Result<SecretBytes> Web::GetDocument(const std::string& url) const {
  const Ask ask{"GET", url, "", ""};
  Result<HttpAnswer> answer = Send(ask);
  if (!answer.ok()) return std::move(answer).status();
  if (answer->status == 204 || (answer->status == 200 && answer->body.empty())) {
    return Status::NotFound(ShownAddress(url) + ": there is no state");
  }
  if (answer->status != 200) return Unexpected(ask, *answer);
  return std::move(answer->body);
}

Result<JsonObject> Web::GetJson(const Ask& ask) const {
  Result<HttpAnswer> answer = Send(ask);
  if (!answer.ok()) return std::move(answer).status();
  if (answer->status != 200) return Unexpected(ask, *answer);
  JsonBounds bounds;
  bounds.max_bytes = kMaxJson;
  Result<JsonObject> parsed = ParseSmallJson(answer->body, bounds);
  if (!parsed.ok())
    return Status::Unavailable(ShownAddress(ask.url) + ": the answer is no JSON object");
  return parsed;
}

}  // namespace stateward
