#include "doctor/doctor.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/base64.h"
#include "base/json.h"
#include "base/random.h"
#include "stateward/clock.h"

namespace stateward {
namespace {

// Larger than any web server's default limit (nginx: 1 MiB), and no load.
constexpr size_t kBigBytes = size_t{5} * 1000 * 1000;
// Under 1 MiB: from there on libcurl asks first ("Expect: 100-continue").
constexpr size_t kPausedBytes = size_t{512} * 1024;
// As many requests as a few runs that begin together.
constexpr int kBurst = 60;
constexpr int64_t kTimeoutMs = 60000;

std::string Md5Of(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_md5(), nullptr);
  return Base64Encode(ByteView(digest, size));
}

// Stateward's own answers say it by their request id; the web server's stand-ins have none.
// No web server cuts a body off sooner.
constexpr int64_t kCutAfterUs = 500000;

bool IsOurs(const HttpAnswer& answer) { return !answer.Header("x-request-id").empty(); }

class Doctor {
 public:
  Doctor(HttpClient& client, const DoctorOptions& options,
         const std::function<void(const Finding&)>& say)
      : client_(client), options_(options), say_(say) {}

  int Run();

 private:
  using Step = bool (Doctor::*)();
  struct Ask {
    std::string method = "GET";
    std::string url;
    std::optional<std::string> body;
    std::string md5;  // "" = the right one
    bool login = true;
    SecretString authorization;  // empty: the one that was given
    int64_t pause_ms = 0;
  };

  std::optional<HttpAnswer> Send(const Ask& ask);
  bool Good(const std::string& what);
  // Says it and returns false.
  bool Bad(Fault fault, const std::string& detail = {});
  bool Unexpected(const std::string& tried, const std::optional<HttpAnswer>& answer);
  // An answer that no step may get; true when it was one of them, and said.
  bool IsBroken(const std::optional<HttpAnswer>& answer);

  bool LookAtAddress();
  bool LookAtPlainHttp();
  bool LookAtLogin();
  bool LookAtPassword();
  bool LookAtSlash();
  bool LookAtLock();
  bool LookAtConflict();
  bool LookAtWrite();
  bool LookAtBigWrite();
  bool LookAtRead();
  bool LookAtMd5();
  bool LookAtSlowBody();
  bool LookAtBurst();
  bool LookAtUnlock();
  bool LookAtForce();
  void Tidy();

  std::string Document(size_t bytes) const;
  std::string LockInfo(const std::string& id) const;
  std::string WithId() const { return options_.url + "?ID=" + id_; }

  HttpClient& client_;
  const DoctorOptions& options_;
  const std::function<void(const Finding&)>& say_;
  const std::string id_ = "doctor-" + RandomHex(8);
  std::string server_;    // the header of the newest answer
  std::string sent_;      // the newest document that was stored
  std::string why_;       // of the newest request without an answer
  bool limited_ = false;  // the web server had enough of us at the newest request
  bool said_limit_ = false;
  mutable int serial_ = 0;
  bool locked_ = false;
  int bad_ = 0;
};

std::optional<HttpAnswer> Doctor::Send(const Ask& ask) {
  HttpRequest request;
  request.method = ask.method;
  request.url = ask.url.empty() ? options_.url : ask.url;
  request.timeout_ms = kTimeoutMs + ask.pause_ms;
  request.pause_ms = ask.pause_ms;
  request.max_answer_bytes = 2 * kBigBytes;
  request.headers.emplace_back("Accept-Encoding", "gzip");
  if (ask.body) {
    request.body = ByteView(*ask.body);
    request.headers.emplace_back("Content-Type", "application/json");
    request.headers.emplace_back("Content-MD5", ask.md5.empty() ? Md5Of(*ask.body) : ask.md5);
  }
  if (ask.login) {
    const SecretString& own = ask.authorization;
    request.secret_headers.emplace_back(
        "Authorization", SecretString((own.empty() ? options_.authorization : own).Reveal()));
  }
  Result<HttpAnswer> answer = client_.Send(request);
  limited_ = answer.ok() && !IsOurs(*answer) && (answer->status == 429 || answer->status == 503);
  if (!answer.ok()) {
    why_ = answer.status().detail();
    return std::nullopt;
  }
  server_ = answer->Header("server");
  return std::move(*answer);
}

bool Doctor::Good(const std::string& what) {
  if (limited_) return Bad(Fault::kRateLimit);
  say_({true, what, "", ""});
  return true;
}

bool Doctor::Bad(Fault fault, const std::string& detail) {
  // Its answer says nothing of what was tried.
  if (limited_ && fault != Fault::kNotReady) fault = Fault::kRateLimit;
  if (fault == Fault::kRateLimit && std::exchange(said_limit_, true)) return false;
  const FaultText& text = TextOf(fault);
  ++bad_;
  const std::string more = detail.empty() ? "" : " (" + detail + ")";
  say_({false, std::string(text.what) + more, Mend(text, server_), text.name});
  return false;
}

bool Doctor::Unexpected(const std::string& tried, const std::optional<HttpAnswer>& answer) {
  return Bad(Fault::kOther, tried + ": " + (answer ? std::to_string(answer->status) : why_));
}

bool Doctor::IsBroken(const std::optional<HttpAnswer>& answer) {
  if (!answer) {
    const bool tls = why_.find("SSL") != why_.npos || why_.find("certificate") != why_.npos;
    Bad(tls ? Fault::kCertificate : Fault::kUnreachable, why_);
  } else if (answer->status >= 300 && answer->status < 400) {
    Bad(Fault::kRedirect, std::to_string(answer->status));
  } else if (answer->status == 502 || answer->status == 504) {
    Bad(Fault::kGatewayError, std::to_string(answer->status));
  } else if (answer->status == 503) {
    Bad(Fault::kNotReady);
  } else {
    return false;
  }
  return true;
}

bool Doctor::LookAtAddress() {
  const std::optional<HttpAnswer> answer = Send({});
  if (IsBroken(answer)) return false;
  const int status = answer->status;
  if (status == 401 && IsOurs(*answer)) return Bad(Fault::kLogin);
  if (status == 403 && IsOurs(*answer)) return Bad(Fault::kForbidden);
  if (status == 404 && !IsOurs(*answer)) {
    // Stateward's body is there when only its head was thrown away.
    return Bad(Fault::kForeign404);
  }
  if (!IsOurs(*answer)) return Bad(Fault::kForeignAnswer, std::to_string(status));
  if (status == 200) return Bad(Fault::kTaken);
  if (status != 404) return Unexpected("GET", answer);
  return Good("the address leads to Stateward, which proved that this state is not there");
}

bool Doctor::LookAtPlainHttp() {
  if (options_.plain_url.empty()) return true;
  Ask ask;
  ask.method = "POST";
  ask.url = options_.plain_url;
  ask.body = "{}";
  ask.login = false;  // they are not sent in clear text
  const std::string server = server_;
  const std::optional<HttpAnswer> answer = Send(ask);
  if (answer && answer->status >= 300 && answer->status < 400) {
    return Bad(Fault::kPlainRedirect, std::to_string(answer->status));
  }
  if (answer && answer->status == 404) return Bad(Fault::kPlain404);
  server_ = server;
  limited_ = false;  // nobody sends anything there
  return Good("plain HTTP is neither redirected nor a 404");
}

bool Doctor::LookAtLogin() {
  Ask ask;
  ask.login = false;
  const std::optional<HttpAnswer> answer = Send(ask);
  if (!answer || answer->status != 401) return Bad(Fault::kNoLoginNeeded);
  return Good("without credentials nobody is let in");
}

// A random password for the same name. With basic auth of the original it opens another namespace,
// where this state is not.
bool Doctor::LookAtPassword() {
  constexpr std::string_view kBasic = "Basic ";
  const std::string_view given = options_.authorization.Reveal();
  if (given.substr(0, kBasic.size()) != kBasic) return true;
  std::optional<SecretBytes> login = Base64Decode(given.substr(kBasic.size()));
  if (!login) return true;
  const std::string_view text = ByteView(*login).AsString();
  const std::string wrong = std::string(text.substr(0, text.find(':'))) + ":" + RandomHex(16);
  Ask ask;
  ask.authorization = SecretString("Basic " + Base64Encode(wrong));
  const std::optional<HttpAnswer> answer = Send(ask);
  if (answer && answer->status == 200) return Bad(Fault::kAnyPassword);
  return Good("another password does not lead to this state");
}

bool Doctor::LookAtSlash() {
  Ask ask;
  ask.url = options_.url + "%2Fdoctor";
  const std::optional<HttpAnswer> answer = Send(ask);
  if (answer && !IsOurs(*answer)) {
    return Bad(Fault::kEncodedSlash, std::to_string(answer->status));
  }
  return Good("the path arrives as it was sent");
}

bool Doctor::LookAtLock() {
  Ask ask;
  ask.method = "LOCK";
  ask.body = LockInfo(id_);
  const std::optional<HttpAnswer> answer = Send(ask);
  if (answer && answer->status == 200) {
    locked_ = true;
    return Good("LOCK");
  }
  if (answer && IsOurs(*answer) && answer->status == 403) return Bad(Fault::kForbidden);
  if (answer && !IsOurs(*answer) && answer->status >= 400 && answer->status < 502) {
    return Bad(Fault::kVerb, "LOCK: " + std::to_string(answer->status));
  }
  return Unexpected("LOCK", answer);
}

bool Doctor::LookAtConflict() {
  Ask ask;
  ask.method = "LOCK";
  ask.body = LockInfo(id_ + "-other");
  const std::optional<HttpAnswer> answer = Send(ask);
  if (answer && answer->status == 423 &&
      ByteView(answer->body).AsString().find(id_) != std::string_view::npos) {
    return Good("a second LOCK is told who holds it");
  }
  if (answer && answer->status >= 400)
    return Bad(Fault::kErrorPages, std::to_string(answer->status));
  return Unexpected("a second LOCK", answer);
}

bool Doctor::LookAtWrite() {
  Ask ask;
  ask.method = "POST";
  ask.url = WithId();
  ask.body = Document(0);
  const std::optional<HttpAnswer> answer = Send(ask);
  if (answer && answer->status == 409) return Bad(Fault::kQuery);
  if (!answer || answer->status != 200) return Unexpected("POST", answer);
  return Good("the holder writes");
}

bool Doctor::LookAtBigWrite() {
  Ask ask;
  ask.method = "POST";
  ask.url = WithId();
  ask.body = Document(kBigBytes);
  const std::optional<HttpAnswer> answer = Send(ask);
  if (answer && answer->status == 413) return Bad(Fault::kBodyLimit);
  if (!answer || answer->status != 200) return Unexpected("POST of 5 MB", answer);
  sent_ = *ask.body;
  return Good("a state of 5 MB is stored");
}

bool Doctor::LookAtRead() {
  if (sent_.empty()) return true;
  const std::optional<HttpAnswer> answer = Send({});
  if (!answer || answer->status != 200) return Unexpected("GET", answer);
  if (!answer->Header("content-encoding").empty()) return Bad(Fault::kGzip);
  if (ByteView(answer->body).AsString() != sent_) return Bad(Fault::kBytes);
  if (answer->Header("content-length").empty()) return Bad(Fault::kLength);
  return Good("it comes back byte for byte, with its length");
}

bool Doctor::LookAtMd5() {
  Ask ask;
  ask.method = "POST";
  ask.url = WithId();
  ask.body = Document(0);
  ask.md5 = Md5Of("something else");
  const std::optional<HttpAnswer> answer = Send(ask);
  if (answer && answer->status == 200) return Bad(Fault::kMd5);
  return Good("a body that was damaged on its way is refused");
}

bool Doctor::LookAtSlowBody() {
  Ask ask;
  ask.method = "POST";
  ask.url = WithId();
  ask.body = Document(kPausedBytes);
  ask.pause_ms = options_.pause_ms;
  const int64_t start_us = SystemClock().SteadyUs();
  const std::optional<HttpAnswer> answer = Send(ask);
  // Our snippet for Apache says 503 in place of its 408. Who limits rates says it at once.
  const bool waited = SystemClock().SteadyUs() - start_us >= kCutAfterUs;
  const bool cut = answer && answer->status == 503 && !IsOurs(*answer) && waited;
  if (cut) limited_ = false;
  const std::string seconds = std::to_string(options_.pause_ms / 1000) + " s";
  if (!answer || cut || answer->status == 408 || answer->status == 400) {
    return Bad(Fault::kSlowBody, "after " + seconds);
  }
  if (answer->status != 200) return Unexpected("a slow POST", answer);
  return Good("a body may stop for " + seconds);
}

bool Doctor::LookAtBurst() {
  Ask ask;
  ask.method = "DELETE";  // of a locked state, without its ID: refused at once, and changes nothing
  for (int i = 0; i < kBurst; ++i) {
    const std::optional<HttpAnswer> answer = Send(ask);
    if (!answer || IsOurs(*answer)) continue;
    // What is refused from the first one on is the method.
    return Bad(i == 0 ? Fault::kVerb : Fault::kRateLimit,
               "DELETE: " + std::to_string(answer->status));
  }
  return Good(std::to_string(kBurst) + " requests in a row are answered");
}

bool Doctor::LookAtUnlock() {
  Ask ask;
  ask.method = "UNLOCK";
  ask.body = LockInfo(id_);
  const std::optional<HttpAnswer> answer = Send(ask);
  if (!answer || answer->status != 200) return Unexpected("UNLOCK", answer);
  locked_ = false;
  return Good("UNLOCK");
}

bool Doctor::LookAtForce() {
  Ask lock;
  lock.method = "LOCK";
  lock.body = LockInfo(id_ + "-again");
  std::optional<HttpAnswer> answer = Send(lock);
  if (!answer || answer->status != 200) return Unexpected("LOCK", answer);
  Ask force;
  force.method = "UNLOCK";
  force.body = "";
  answer = Send(force);
  const int status = answer ? answer->status : 0;
  if (status == 200) return Good("force-unlock");
  lock.method = "UNLOCK";
  Send(lock);
  // Within two minutes of another forced release (another look) it is held back.
  if (status == 409) return Good("force-unlock is held back so soon after another one");
  return Bad(Fault::kForce, answer ? std::to_string(status) : why_);
}

void Doctor::Tidy() {
  Ask ask;
  if (locked_) {
    ask.method = "UNLOCK";
    ask.body = LockInfo(id_);
    Send(ask);
  }
  if (serial_ == 0) return;
  ask.method = "DELETE";
  ask.body.reset();
  const std::optional<HttpAnswer> answer = Send(ask);
  if (!answer || answer->status != 200) Unexpected("DELETE, to leave nothing behind", answer);
}

std::string Doctor::Document(size_t bytes) const {
  JsonWriter writer;
  writer.BeginObject().Key("version").Int(4).Key("serial").Int(++serial_);
  writer.Key("lineage").String(id_).Key("padding").String(std::string(bytes, 'x')).EndObject();
  return std::move(writer).Take();
}

std::string Doctor::LockInfo(const std::string& id) const {
  JsonWriter writer;
  writer.BeginObject().Key("ID").String(id).Key("Operation").String("OperationTypeApply");
  writer.Key("Who").String("statewardctl doctor").EndObject();
  return std::move(writer).Take();
}

int Doctor::Run() {
  if (!LookAtAddress()) {
    return server_.empty() ? -1 : bad_;
  }
  LookAtPlainHttp();
  LookAtLogin();
  LookAtSlash();
  if (LookAtLock()) {
    LookAtConflict();
    if (LookAtWrite()) {
      for (Step step : {&Doctor::LookAtPassword, &Doctor::LookAtBigWrite, &Doctor::LookAtRead,
                        &Doctor::LookAtMd5, &Doctor::LookAtSlowBody}) {
        (this->*step)();
      }
    }
    LookAtBurst();
    if (LookAtUnlock()) LookAtForce();
  }
  Tidy();
  return bad_;
}

}  // namespace

int Examine(HttpClient& client, const DoctorOptions& options,
            const std::function<void(const Finding&)>& say) {
  return Doctor(client, options, say).Run();
}

}  // namespace stateward
