#include "fcgi/fcgi_request.h"

#include <fcgiapp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>

#include "base/hex.h"
#include "base/random.h"

namespace stateward {
namespace {

// The fields below "Don't use anything below here" that this file uses lie where Debian 12's
// library has them.
static_assert(sizeof(FCGX_Request) == 80, "another libfcgi: read its FCGX_Accept_r again");

// libfcgi counts in int; a piece is also what is read between two looks at the budget.
constexpr size_t kPiece = 1 << 20;
constexpr size_t kFirstPiece = size_t{64} * 1024;

Method ParseMethod(std::string_view name) {
  constexpr std::pair<std::string_view, Method> kMethods[] = {
      {"GET", Method::kGet},       {"POST", Method::kPost}, {"PUT", Method::kPut},
      {"DELETE", Method::kDelete}, {"LOCK", Method::kLock}, {"UNLOCK", Method::kUnlock}};
  for (const auto& [text, method] : kMethods) {
    if (text == name) return method;
  }
  return Method::kOther;
}

const char* Reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 413:
      return "Payload Too Large";
    case 423:
      return "Locked";
    case 429:
      return "Too Many Requests";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

std::string Head(const Response& response, const std::string& request_id) {
  std::string head;
  head.reserve(512);
  head += "Status: " + std::to_string(response.status) + " " + Reason(response.status) + "\r\n";
  if (!response.content_type.empty()) head += "Content-Type: " + response.content_type + "\r\n";
  for (const auto& [name, value] : response.headers) head += name + ": " + value + "\r\n";
  head += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  head += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: ";
  return head + request_id + "\r\n\r\n";
}

bool PutAll(ByteView bytes, FCGX_Stream* out) {
  for (size_t at = 0; at < bytes.size(); at += kPiece) {
    size_t n = std::min(kPiece, bytes.size() - at);
    if (FCGX_PutStr(reinterpret_cast<const char*>(bytes.data() + at), static_cast<int>(n), out) <
        0) {
      return false;
    }
  }
  return true;
}

}  // namespace

void InitFcgiLibrary() {
  FCGX_Init();
  // It puts a handler of its own there, which would break off reads and writes.
  signal(SIGPIPE, SIG_IGN);
}

struct FcgiRequest::State : public BodySource {
  State(int fd, ByteBudget& b, const PeerRules& p) : budget(b), peers(p) {
    FCGX_InitRequest(&fcgi, -1, 0);  // -1: it can never accept by itself
    fcgi.ipcFd = fd;
    fcgi.keepConnection = 1;  // FCGX_Accept_r "finishes" first, and is not to close it
  }

  const char* Param(const char* name) { return FCGX_GetParam(name, fcgi.envp); }
  bool Fill();
  Result<SecretBytes> ReadAll(uint64_t limit) override;
  Result<SecretBytes> ReadKnown(uint64_t size);
  Result<SecretBytes> ReadUnknown(uint64_t limit);
  size_t Read(uint8_t* to, size_t n);
  bool AtEnd();
  void ReadEmptyBody();

  FCGX_Request fcgi{};
  void TakeIdentity();

  ByteBudget& budget;
  const PeerRules& peers;
  uint64_t taken = 0;
  Request request;
  bool chunked = false;
};

FcgiRequest::FcgiRequest(int fd, ByteBudget& budget, const PeerRules& peers)
    : state_(std::make_unique<State>(fd, budget, peers)) {}

FcgiRequest::~FcgiRequest() { state_->budget.GiveBack(state_->taken); }

bool FcgiRequest::Begin() {
  if (FCGX_Accept_r(&state_->fcgi) < 0) return false;
  if (FCGX_GetError(state_->fcgi.in) == 0 && state_->Fill()) return true;
  state_->fcgi.detached = 1;  // no two seconds of waiting for the peer to close
  FCGX_Free(&state_->fcgi, 1);
  return false;
}

const Request& FcgiRequest::request() const { return state_->request; }

bool FcgiRequest::State::Fill() {
  const char* method = Param("REQUEST_METHOD");
  const char* target = Param("REQUEST_URI");
  if (method == nullptr || target == nullptr) return false;
  request.method = ParseMethod(method);
  request.target = target;
  if (const char* v = Param("HTTP_AUTHORIZATION")) request.authorization = SecretString(v);
  if (const char* v = Param("HTTP_CONTENT_MD5")) request.content_md5 = v;
  if (const char* v = Param("HTTP_CONTENT_ENCODING")) request.content_encoding = v;
  if (const char* v = Param("REMOTE_ADDR")) request.remote_addr = v;
  if (const char* v = Param("CONTENT_LENGTH"); v != nullptr && *v != '\0') {
    uint64_t size = 0;
    auto [end, error] = std::from_chars(v, v + std::strlen(v), size);
    if (error != std::errc() || *end != '\0') return false;
    request.content_length = size;
  }
  TakeIdentity();
  chunked = Param("HTTP_TRANSFER_ENCODING") != nullptr;
  const char* id = Param("REQUEST_ID");
  request.request_id = id != nullptr && IsHex(id, 32) ? id : RandomHex(16);
  request.body = this;
  return true;
}

// Whom the web server has checked. A client's headers arrive under HTTP_…, so none of them can get
// here; REMOTE_USER, which many a configuration fills with what the client merely says, is not
// read.
void FcgiRequest::State::TakeIdentity() {
  const char* user = Param("STATEWARD_USER");
  const char* certificate = Param("STATEWARD_CERT_SUBJECT");
  bool any = (user != nullptr && *user != '\0') || (certificate != nullptr && *certificate != '\0');
  if (!any || !peers.MayVouch(fcgi.ipcFd)) return;
  if (user != nullptr) request.proxy_user = user;
  if (certificate != nullptr) request.proxy_certificate = certificate;
}

size_t FcgiRequest::State::Read(uint8_t* to, size_t n) {
  size_t have = 0;
  while (have < n) {
    int piece = static_cast<int>(std::min(kPiece, n - have));
    int got = FCGX_GetStr(reinterpret_cast<char*>(to + have), piece, fcgi.in);
    if (got <= 0) break;
    have += static_cast<size_t>(got);
    if (got < piece) break;
  }
  return have;
}

// A body is whole only when its end was seen and nothing went wrong on the way.
bool FcgiRequest::State::AtEnd() {
  char extra = 0;
  return FCGX_GetStr(&extra, 1, fcgi.in) == 0 && FCGX_GetError(fcgi.in) == 0 &&
         FCGX_HasSeenEOF(fcgi.in) != 0;
}

Result<SecretBytes> FcgiRequest::State::ReadAll(uint64_t limit) {
  if (!request.content_length) return ReadUnknown(limit);
  if (*request.content_length > limit) return Status(Code::kTooLarge, "body: over the limit");
  return ReadKnown(*request.content_length);
}

Result<SecretBytes> FcgiRequest::State::ReadKnown(uint64_t size) {
  if (!budget.Take(size)) return Status(Code::kOverloaded, "body: no room just now");
  taken += size;
  SecretBytes body(size);
  if (Read(body.data(), size) != size || !AtEnd()) {
    return Status::Unavailable("body: it broke off, or is not as long as it says");
  }
  return body;
}

Result<SecretBytes> FcgiRequest::State::ReadUnknown(uint64_t limit) {
  SecretBytes body;
  size_t have = 0;
  for (;;) {
    if (have == body.size()) {
      if (have > limit) return Status(Code::kTooLarge, "body: over the limit");
      size_t bigger = std::min<uint64_t>(std::max(kFirstPiece, 2 * have), limit + 1);
      if (!budget.Take(bigger - have)) return Status(Code::kOverloaded, "body: no room just now");
      taken += bigger - have;
      body.resize(bigger);
    }
    size_t got = Read(body.data() + have, body.size() - have);
    have += got;
    if (have < body.size()) break;
  }
  if (!AtEnd()) return Status::Unavailable("body: it broke off");
  if (have > limit) return Status(Code::kTooLarge, "body: over the limit");
  body.resize(have);
  return body;
}

void FcgiRequest::Send(const Response& response) {
  std::string head = Head(response, state_->request.request_id);
  if (PutAll(head, state_->fcgi.out)) PutAll(response.body, state_->fcgi.out);
}

// A request without a body still has the end of one, which may be on its way.
void FcgiRequest::State::ReadEmptyBody() {
  bool no_body = !chunked && request.content_length.value_or(0) == 0;
  if (no_body && FCGX_HasSeenEOF(fcgi.in) == 0) AtEnd();
}

FcgiRequest::End FcgiRequest::Finish() {
  State& s = *state_;
  s.ReadEmptyBody();
  bool whole = FCGX_GetError(s.fcgi.in) == 0 && FCGX_HasSeenEOF(s.fcgi.in) != 0;
  // Before the end of the answer is written: until it has that, a web server sends nothing more,
  // and what is there belongs to no request that we know. Afterwards the next one may come at once.
  char byte = 0;
  bool silent = recv(s.fcgi.ipcFd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
  s.fcgi.keepConnection = 1;  // closing is ours: libfcgi would wait for the peer, up to 2 s a read
  s.fcgi.detached = 1;
  FCGX_Finish_r(&s.fcgi);
  if (s.fcgi.ipcFd < 0) return End::kClosed;
  return whole && silent ? End::kClean : End::kUnread;
}

}  // namespace stateward
