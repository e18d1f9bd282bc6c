#include "fcgi/libfcgi_bridge.h"

#include <fcgiapp.h>
#include <fcgios.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <csignal>
#include <cstring>
#include <string>

#include "base/hex.h"
#include "base/random.h"
#include "fcgi/record.h"
#include "fcgi/records_in.h"

namespace stateward {
namespace {

// The fields below "Don't use anything below here" that this file uses lie where Debian 12's
// library has them.
static_assert(sizeof(FCGX_Request) == 80, "another libfcgi: read its FCGX_Accept_r again");

// No process can have so many descriptors (fs.nr_open is at most 2^30).
constexpr int kNoDescriptor = INT_MAX;

// A head as libfcgi reads it: records of our own making around the checked parameters.
class Head {
 public:
  explicit Head(ByteView params) : params_(params) {
    PutRecordHeader(RecordType::kBeginRequest, kId, kBeginBody, begin_);
    begin_[kRecordHeader + 1] = kResponder;
    // One that carries parameters for each 64 KiB, the empty one, and the empty STDIN.
    first_ = std::min(params.size(), kMaxContent);
    PutRecordHeader(RecordType::kParams, kId, first_, header_[0]);
    PutRecordHeader(RecordType::kParams, kId, params.size() - first_, header_[1]);
    PutRecordHeader(RecordType::kParams, kId, 0, end_);
    PutRecordHeader(RecordType::kStdin, kId, 0, end_ + kRecordHeader);
  }

  // As read(2); remembers where the copy lies.
  size_t Read(char* to, size_t n) {
    size_t have = 0;
    while (have < n && part_ < kParts) {
      ByteView part = Part().Sub(at_, Part().size() - at_);
      size_t piece = std::min(n - have, part.size());
      if (piece > 0) std::memcpy(to + have, part.data(), piece);
      have += piece;
      at_ += piece;
      if (piece < part.size()) break;
      ++part_;
      at_ = 0;
    }
    copy_ = to;
    copied_ = std::max(copied_, have);
    return have;
  }
  // libfcgi reads into one buffer. REQUIRES: it was not freed yet
  void WipeCopy() {
    if (copied_ > 0) WipeMemory(copy_, copied_);
  }

 private:
  static_assert(kMaxParamBytes <= 2 * kMaxContent, "two records carry the parameters");
  static constexpr uint16_t kId = 1;
  static constexpr int kParts = 6;
  ByteView Part() const {
    bool two = params_.size() > first_;
    switch (part_) {
      case 0:
        return {begin_, sizeof begin_};
      case 1:
        return {header_[0], first_ > 0 ? kRecordHeader : 0};
      case 2:
        return params_.Sub(0, first_);
      case 3:
        return {header_[1], two ? kRecordHeader : 0};
      case 4:
        return params_.Sub(first_, params_.size() - first_);
      default:
        return {end_, sizeof end_};
    }
  }

  const ByteView params_;
  size_t first_ = 0;
  uint8_t begin_[kRecordHeader + kBeginBody] = {};
  uint8_t header_[2][kRecordHeader] = {};
  uint8_t end_[2 * kRecordHeader] = {};
  int part_ = 0;
  size_t at_ = 0;
  char* copy_ = nullptr;
  size_t copied_ = 0;
};

// What this thread has in hand. Nothing else connects a call of libfcgi with a request.
thread_local Head* t_head = nullptr;

Method ParseMethod(std::string_view name) {
  constexpr std::pair<std::string_view, Method> kMethods[] = {
      {"GET", Method::kGet},       {"POST", Method::kPost}, {"PUT", Method::kPut},
      {"DELETE", Method::kDelete}, {"LOCK", Method::kLock}, {"UNLOCK", Method::kUnlock},
      {"HEAD", Method::kHead}};
  for (const auto& [text, method] : kMethods) {
    if (text == name) return method;
  }
  return Method::kOther;
}

// The parameters that are read.
enum Param : size_t {
  kRequestMethod,
  kRequestUri,
  kRequestId,
  kRemoteAddr,
  kContentLength,
  kContentType,
  kHttpAuthorization,
  kHttpContentMd5,
  kHttpContentEncoding,
  kHttpIfMatch,
  kHttpIfNoneMatch,
  kHttpIdempotencyKey,
  kHttpOrigin,
  kHttpHost,
  kHttps,
  kHttpTraceparent,
  kStatewardUser,
  kStatewardCertSubject,
  kParamCount,
};
constexpr std::array<std::string_view, kParamCount> kParamNames = {
    "REQUEST_METHOD",     "REQUEST_URI",        "REQUEST_ID",
    "REMOTE_ADDR",        "CONTENT_LENGTH",     "CONTENT_TYPE",
    "HTTP_AUTHORIZATION", "HTTP_CONTENT_MD5",   "HTTP_CONTENT_ENCODING",
    "HTTP_IF_MATCH",      "HTTP_IF_NONE_MATCH", "HTTP_IDEMPOTENCY_KEY",
    "HTTP_ORIGIN",        "HTTP_HOST",          "HTTPS",
    "HTTP_TRACEPARENT",   "STATEWARD_USER",     "STATEWARD_CERT_SUBJECT",
};

// One parse by libfcgi; its copies of the parameters are wiped before it frees them.
class Parse {
 public:
  explicit Parse(ByteView params) : head_(params) {
    FCGX_InitRequest(&fcgi_, -1, 0);  // -1: it can never accept by itself
    fcgi_.ipcFd = kNoDescriptor;
    fcgi_.keepConnection = 1;  // FCGX_Accept_r "finishes" first
    t_head = &head_;
    ok_ = FCGX_Accept_r(&fcgi_) == 0 && FCGX_GetError(fcgi_.in) == 0;
    if (ok_) Find();
  }
  ~Parse() {
    if (fcgi_.in != nullptr) {
      head_.WipeCopy();
      for (char** p = fcgi_.envp; p != nullptr && *p != nullptr; ++p) WipeMemory(*p, strlen(*p));
      FCGX_Free(&fcgi_, 0);
    }
    t_head = nullptr;
  }
  Parse(const Parse&) = delete;
  Parse& operator=(const Parse&) = delete;

  bool ok() const { return ok_; }
  // nullptr: it is not there.
  const char* Value(Param param) const { return values_[param]; }

 private:
  // In one pass; of a name that stands twice the first counts, as with FCGX_GetParam.
  void Find() {
    for (char** p = fcgi_.envp; *p != nullptr; ++p) {
      const std::string_view pair(*p);
      const size_t end = pair.find('=');
      if (end == std::string_view::npos) continue;
      const auto* it = std::find(kParamNames.begin(), kParamNames.end(), pair.substr(0, end));
      if (it == kParamNames.end()) continue;
      const char*& value = values_[static_cast<size_t>(it - kParamNames.begin())];
      if (value == nullptr) value = *p + end + 1;
    }
  }

  Head head_;
  FCGX_Request fcgi_{};
  std::array<const char*, kParamCount> values_{};
  bool ok_ = false;
};

// "00-<32 hex digits>-<16 hex digits>-<2 hex digits>": https://www.w3.org/TR/trace-context/,
// version 00. What is not exactly that is as good as none.
std::string TraceParent(std::string_view text) {
  constexpr size_t kSize = 55;
  const bool fits = text.size() == kSize && text.substr(0, 3) == "00-" && text[35] == '-' &&
                    text[52] == '-' && IsHex(text.substr(3, 32), 32) &&
                    IsHex(text.substr(36, 16), 16) && IsHex(text.substr(53), 2);
  const bool zero = fits && (text.substr(3, 32) == std::string(32, '0') ||
                             text.substr(36, 16) == std::string(16, '0'));
  return fits && !zero ? std::string(text) : "";
}

// Whom the web server has checked. A client's headers arrive under HTTP_…, so none of them can get
// here; REMOTE_USER, which many a configuration fills with what the client merely says, is not
// read.
void TakeIdentity(Parse* parse, Request* request) {
  if (const char* v = parse->Value(kStatewardUser)) request->proxy_user = v;
  if (const char* v = parse->Value(kStatewardCertSubject)) request->proxy_certificate = v;
}

void TakeApiHeaders(Parse* parse, Request* request) {
  constexpr std::pair<Param, std::string Request::*> kHeaders[] = {
      {kContentType, &Request::content_type},
      {kHttpIfMatch, &Request::if_match},
      {kHttpIfNoneMatch, &Request::if_none_match},
      {kHttpIdempotencyKey, &Request::idempotency_key},
      {kHttpOrigin, &Request::origin},
      {kHttpHost, &Request::host}};
  for (const auto& [param, member] : kHeaders) {
    if (const char* v = parse->Value(param)) request->*member = v;
  }
  const char* https = parse->Value(kHttps);
  request->https = https != nullptr && std::string_view(https) == "on";
}

}  // namespace

Status InitFcgiLibrary() {
  FCGX_Init();
  // It puts a handler of its own there, which would break off reads and writes.
  signal(SIGPIPE, SIG_IGN);
  constexpr char kSample[] = "\x0e\x03REQUEST_METHODGET\x0b\x02REQUEST_URI/x";
  Result<Request> sample = ParseParams({kSample, sizeof kSample - 1}, false);
  if (sample.ok() && sample->method == Method::kGet && sample->target == "/x") return Status();
  return Status::Internal("libfcgi does not read from memory in this program");
}

Result<Request> ParseParams(ByteView params, bool may_vouch) {
  Parse parse(params);
  if (!parse.ok()) return Status::InvalidArgument("libfcgi refused the head");
  const char* method = parse.Value(kRequestMethod);
  const char* target = parse.Value(kRequestUri);
  if (method == nullptr || target == nullptr) {
    return Status::InvalidArgument("the head names no method or no target");
  }
  Request request;
  request.method = ParseMethod(method);
  request.target = target;
  if (const char* v = parse.Value(kHttpAuthorization)) request.authorization = SecretString(v);
  if (const char* v = parse.Value(kHttpContentMd5)) request.content_md5 = v;
  if (const char* v = parse.Value(kHttpContentEncoding)) request.content_encoding = v;
  if (const char* v = parse.Value(kRemoteAddr)) request.remote_addr = v;
  if (const char* v = parse.Value(kContentLength); v != nullptr && *v != '\0') {
    uint64_t size = 0;
    auto [end, error] = std::from_chars(v, v + std::strlen(v), size);
    if (error != std::errc() || *end != '\0') {
      return Status::InvalidArgument("content-length: no number");
    }
    request.content_length = size;
  }
  TakeApiHeaders(&parse, &request);
  if (const char* v = parse.Value(kHttpTraceparent)) request.traceparent = TraceParent(v);
  if (may_vouch) TakeIdentity(&parse, &request);
  const char* id = parse.Value(kRequestId);
  request.request_id = id != nullptr && IsHex(id, 32) ? id : RandomHex(16);
  return request;
}

}  // namespace stateward

// In place of libfcgi's own (fcgios.h). It calls them for the request that this thread parses, and
// finds them only when they are visible, whatever the flags of the build.
#pragma GCC visibility push(default)
extern "C" {

int OS_Read(int /*fd*/, char* buf, size_t len) {
  return stateward::t_head == nullptr ? 0 : static_cast<int>(stateward::t_head->Read(buf, len));
}
// Nothing is written by libfcgi: what it would say is dropped.
int OS_Write(int /*fd*/, char* /*buf*/, size_t len) { return static_cast<int>(len); }
int OS_Close(int /*fd*/, int /*shutdown*/) { return 0; }
int OS_IpcClose(int /*ipcFd*/, int /*shutdown*/) { return 0; }
}
#pragma GCC visibility pop
