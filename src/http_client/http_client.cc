#include "http_client/http_client.h"

#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <mutex>

#include "base/network.h"

namespace stateward {
namespace {

constexpr int64_t kExtraMsPerMiB = 1000;
// Of one answer; services send about 20 lines.
constexpr size_t kMaxHeaderBytes = size_t{64} * 1024;
// An answer that says how long it is gets its memory at once, up to this; beyond it, as it comes.
constexpr uint64_t kReserveUpTo = uint64_t{512} << 20;
// A service that does not know "Expect: 100-continue" costs this much, once for each upload.
constexpr long kExpectWaitMs = 500;
constexpr long kStallBytesPerS = 1024;

struct CurlDeleter {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
using Handle = std::unique_ptr<CURL, CurlDeleter>;

// Owns a curl_slist whose texts are wiped: some of them are tokens.
class HeaderList {
 public:
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  ~HeaderList() {
    for (curl_slist* item = list_; item != nullptr; item = item->next) {
      WipeMemory(item->data, std::strlen(item->data));
    }
    curl_slist_free_all(list_);
  }
  bool Add(std::string_view name, std::string_view value) {
    for (std::string_view part : {name, value}) {
      if (part.find_first_of(std::string_view("\r\n\0", 3)) != part.npos) return false;
    }
    SecretBytes line;
    line.reserve(name.size() + value.size() + 3);
    line.insert(line.end(), name.begin(), name.end());
    // libcurl takes "Name:" for "do not send it"; "Name;" sends an empty one.
    line.push_back(value.empty() ? ';' : ':');
    if (!value.empty()) line.push_back(' ');
    line.insert(line.end(), value.begin(), value.end());
    line.push_back(0);
    curl_slist* longer = curl_slist_append(list_, reinterpret_cast<const char*>(line.data()));
    if (longer == nullptr) return false;
    list_ = longer;
    return true;
  }
  // Keeps libcurl from a header of its own; `line` is "Name:".
  bool Suppress(const char* line) {
    curl_slist* longer = curl_slist_append(list_, line);
    if (longer != nullptr) list_ = longer;
    return longer != nullptr;
  }
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

// One request while it is under way.
struct Exchange {
  ByteView body;
  size_t sent = 0;
  int64_t pause_ms = 0;
  uint64_t limit = 0;
  bool too_large = false;
  size_t header_bytes = 0;
  bool succeeds = false;  // the answer is a 2xx
  Bytes* body_to = nullptr;
  HttpAnswer answer;
  curl_slist* connect_to = nullptr;
  bool not_public = false;  // an address was refused for that
  Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() { curl_slist_free_all(connect_to); }
};

size_t OnRead(char* to, size_t size, size_t count, void* user) {
  auto* x = static_cast<Exchange*>(user);
  size_t n = std::min(size * count, x->body.size() - x->sent);
  if (x->pause_ms > 0 && x->sent < kBytesBeforePause) {
    n = std::min(n, kBytesBeforePause - x->sent);
  } else if (x->pause_ms > 0) {
    usleep(static_cast<unsigned>(x->pause_ms * 1000));
    x->pause_ms = 0;
    n = std::min<size_t>(n, 1);  // after which libcurl looks for an answer
  }
  std::memcpy(to, x->body.data() + x->sent, n);
  x->sent += n;
  return n;
}

int OnSeek(void* user, curl_off_t offset, int origin) {
  auto* x = static_cast<Exchange*>(user);
  if (origin != SEEK_SET || offset < 0 || static_cast<size_t>(offset) > x->body.size()) {
    return CURL_SEEKFUNC_FAIL;
  }
  x->sent = static_cast<size_t>(offset);
  return CURL_SEEKFUNC_OK;
}

size_t OnWrite(char* data, size_t size, size_t count, void* user) {
  auto* x = static_cast<Exchange*>(user);
  size_t n = size * count;
  bool aside = x->succeeds && x->body_to != nullptr;
  if (n > x->limit - (aside ? x->body_to->size() : x->answer.body.size())) {
    x->too_large = true;
    return CURL_WRITEFUNC_ERROR;
  }
  if (aside) {
    x->body_to->insert(x->body_to->end(), data, data + n);
  } else {
    x->answer.body.insert(x->answer.body.end(), data, data + n);
  }
  return n;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && std::strchr(" \t\r\n", text.back()) != nullptr) text.remove_suffix(1);
  while (!text.empty() && std::strchr(" \t", text.front()) != nullptr) text.remove_prefix(1);
  return text;
}

char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

size_t OnHeader(char* data, size_t size, size_t count, void* user) {
  auto* x = static_cast<Exchange*>(user);
  std::string_view line(data, size * count);
  if (line.substr(0, 5) == "HTTP/") {  // a "100 Continue" came before
    x->answer.headers.clear();
    x->header_bytes = 0;
    size_t blank = line.find(' ');
    x->succeeds = blank != line.npos && line.substr(blank + 1, 1) == "2";
  }
  x->header_bytes += line.size();
  if (x->header_bytes > kMaxHeaderBytes) {
    x->too_large = true;
    return 0;
  }
  size_t colon = line.find(':');
  if (colon == line.npos) return line.size();
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(), ToLower);
  std::string value(Trim(line.substr(colon + 1)));
  if (name == "content-length") {
    uint64_t length = std::strtoull(value.c_str(), nullptr, 10);
    size_t room = std::min({length, x->limit, kReserveUpTo});
    if (x->succeeds && x->body_to != nullptr) {
      x->body_to->reserve(room);
    } else {
      x->answer.body.reserve(room);
    }
  }
  x->answer.headers.emplace_back(std::move(name), std::move(value));
  return line.size();
}

// In the place of socket(): the last moment before it connects, with the very address.
curl_socket_t OnOpenSocket(void* user, curlsocktype, curl_sockaddr* to) {
  if (!IsPublicAddress(&to->addr)) {
    static_cast<Exchange*>(user)->not_public = true;
    return CURL_SOCKET_BAD;
  }
  return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

// libcurl asks this about once a second, and more often while bytes move.
int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(user)->load() ? 1 : 0;
}

class CurlClient : public HttpClient {
 public:
  explicit CurlClient(HttpClientOptions options) : options_(std::move(options)) {}

  Result<HttpAnswer> Send(const HttpRequest& request) override {
    Handle handle = Take();
    if (!handle) return Status::Unavailable("http: no memory for a request");
    Exchange x;
    HeaderList headers;
    Status status = Prepare(handle.get(), request, &headers, &x);
    if (status.ok()) status = Run(handle.get(), &x);
    curl_easy_reset(handle.get());  // keeps its connections, forgets keys and tokens
    Give(std::move(handle));
    if (!status.ok()) return status;
    return std::move(x.answer);
  }

 private:
  Handle Take() {
    std::lock_guard<std::mutex> hold(mutex_);
    if (idle_.empty()) return Handle(curl_easy_init());
    Handle handle = std::move(idle_.back());
    idle_.pop_back();
    return handle;
  }
  void Give(Handle handle) {
    std::lock_guard<std::mutex> hold(mutex_);
    idle_.push_back(std::move(handle));
  }

  Status Prepare(CURL* curl, const HttpRequest& request, HeaderList* headers, Exchange* x);
  void PrepareTls(CURL* curl);
  Status PrepareUrl(CURL* curl, const std::string& url, HeaderList* headers, Exchange* x);
  void PrepareBody(CURL* curl, const HttpRequest& request, Exchange* x);
  static Status Run(CURL* curl, Exchange* x);

  const HttpClientOptions options_;
  std::mutex mutex_;
  std::vector<Handle> idle_;
};

Status CurlClient::Prepare(CURL* curl, const HttpRequest& request, HeaderList* headers,
                           Exchange* x) {
  for (const auto& [name, value] : request.headers) {
    if (!headers->Add(name, value)) return Status::InvalidArgument("http: bad header " + name);
  }
  for (const auto& [name, value] : request.secret_headers) {
    if (!headers->Add(name, value.Reveal())) {
      return Status::InvalidArgument("http: bad header " + name);
    }
  }
  // The body is to come at once, and then to stop.
  if (request.pause_ms > 0 && !headers->Suppress("Expect:")) {
    return Status::Unavailable("http: no memory for a request");
  }
  x->limit = request.max_answer_bytes;
  x->body_to = request.body_to;
  if (x->body_to != nullptr) x->body_to->clear();
  STATEWARD_RETURN_IF_ERROR(PrepareUrl(curl, request.url, headers, x));
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, options_.allow_http ? "http,https" : "https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_PROXY, options_.proxy.c_str());  // "" also overrules http_proxy
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers->get());
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout_ms));
  uint64_t mib = (request.body ? request.body->size() : 0) >> 20;
  int64_t timeout = request.timeout_ms + static_cast<int64_t>(mib) * kExtraMsPerMiB;
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout));
  if (request.stall_s > 0) {
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerS);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.stall_s));
  }
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, OnWrite);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, x);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, x);
  if (options_.public_only) {
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, OnOpenSocket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, x);
  }
  if (request.stop != nullptr) {
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, OnProgress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, request.stop);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  }
  PrepareTls(curl);
  PrepareBody(curl, request, x);
  return Status();
}

// libcurl checks the certificate against the URL's name. Where that is another than the one in the
// certificate, the URL gets the latter, and the connection still goes to the former.
Status CurlClient::PrepareUrl(CURL* curl, const std::string& url, HeaderList* headers,
                              Exchange* x) {
  if (options_.tls_server_name.empty()) {
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    return Status();
  }
  std::unique_ptr<CURLU, void (*)(CURLU*)> parts(curl_url(), curl_url_cleanup);
  auto get = [&](CURLUPart part, unsigned flags) {
    char* text = nullptr;
    std::string out;
    if (curl_url_get(parts.get(), part, &text, flags) == CURLUE_OK) out = text;
    curl_free(text);
    return out;
  };
  if (curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), CURLU_PATH_AS_IS) != CURLUE_OK) {
    return Status::InvalidArgument("http: bad address");
  }
  std::string host = get(CURLUPART_HOST, 0);
  std::string port = get(CURLUPART_PORT, CURLU_DEFAULT_PORT);
  if (!headers->Add("Host", host + ":" + port)) return Status::InvalidArgument("http: bad address");
  x->connect_to = curl_slist_append(nullptr, ("::" + host + ":" + port).c_str());
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, x->connect_to);
  curl_url_set(parts.get(), CURLUPART_HOST, options_.tls_server_name.c_str(), 0);
  curl_easy_setopt(curl, CURLOPT_URL, get(CURLUPART_URL, 0).c_str());
  return Status();
}

void CurlClient::PrepareTls(CURL* curl) {
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options_.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, options_.ca_file.c_str());
    curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
  }
  if (!options_.client_cert_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_SSLCERT, options_.client_cert_file.c_str());
    curl_easy_setopt(curl, CURLOPT_SSLKEY, options_.client_key_file.c_str());
  }
}

void CurlClient::PrepareBody(CURL* curl, const HttpRequest& request, Exchange* x) {
  if (request.body) {
    x->body = *request.body;
    x->pause_ms = request.pause_ms;
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(x->body.size()));
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, OnRead);
    curl_easy_setopt(curl, CURLOPT_READDATA, x);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, OnSeek);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, x);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
    curl_easy_setopt(curl, CURLOPT_EXPECT_100_TIMEOUT_MS, kExpectWaitMs);
  }
  if (request.method == "HEAD") curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

Status CurlClient::Run(CURL* curl, Exchange* x) {
  CURLcode code = curl_easy_perform(curl);
  if (x->too_large) return {Code::kTooLarge, "http: the answer is too long"};
  if (code != CURLE_OK && x->not_public) {
    return Status::Unavailable("http: the address is not a public one");
  }
  if (code != CURLE_OK)
    return Status::Unavailable(std::string("http: ") + curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  x->answer.status = static_cast<int>(status);
  x->answer.sent = x->sent;
  return Status();
}

}  // namespace

std::string_view HttpAnswer::Header(std::string_view name) const {
  for (const auto& header : headers) {
    if (header.first == name) return header.second;
  }
  return {};
}

Status CheckUrl(const std::string& url) {
  std::unique_ptr<CURLU, void (*)(CURLU*)> parts(curl_url(), curl_url_cleanup);
  if (parts == nullptr) return Status::Internal("no memory");
  CURLUcode code = curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), CURLU_PATH_AS_IS);
  char* host = nullptr;
  if (code == CURLUE_OK) code = curl_url_get(parts.get(), CURLUPART_HOST, &host, 0);
  const bool named = host != nullptr && *host != '\0';
  curl_free(host);
  if (code != CURLUE_OK) return Status::InvalidArgument(curl_url_strerror(code));
  return named ? Status() : Status::InvalidArgument("no host");
}

Result<std::unique_ptr<HttpClient>> NewCurlClient(const HttpClientOptions& options) {
  for (const std::string& file :
       {options.ca_file, options.client_cert_file, options.client_key_file}) {
    if (!file.empty() && access(file.c_str(), R_OK) != 0) {
      return Status::InvalidArgument(file + " cannot be read");
    }
  }
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    return Status::Internal("libcurl cannot start");
  }
  return std::unique_ptr<HttpClient>(std::make_unique<CurlClient>(options));
}

}  // namespace stateward
