#include "s3/s3_client.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>

#include "base/hex.h"
#include "base/random.h"
#include "base/sha256.h"
#include "s3/s3_answer.h"
#include "s3/sigv4.h"

namespace stateward {
namespace {

constexpr char kDigestHeader[] = "x-amz-meta-sha256";
constexpr char kWriteHeader[] = "x-amz-meta-write";
// The service says "later" (500, 503) or "another is just writing" (409): so many more tries.
constexpr int kRepeats = 3;
// A transfer that goes on may take so long: 1 GiB at 4 MiB a second.
constexpr int64_t kTransferMs = int64_t{256} * 1000;

// A failure that took less kept no thread for long.
constexpr int64_t kSilentUs = int64_t{1} * 1000 * 1000;

// Wed, 25 Nov 2026 16:55:43 GMT
bool ParseHttpDate(std::string_view text, int64_t* out_ms) {
  tm parts{};
  if (strptime(std::string(text).c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts) == nullptr) {
    return false;
  }
  *out_ms = static_cast<int64_t>(timegm(&parts)) * 1000;
  return true;
}

// A random part keeps those that collided from colliding again.
void WaitBeforeRepeat(uint32_t about_ms) {
  uint32_t random = 0;
  FillRandom(&random, sizeof random);
  std::this_thread::sleep_for(std::chrono::milliseconds(about_ms / 2 + random % (about_ms + 1)));
}

bool WantsRepeat(const HttpAnswer& answer) {
  if (answer.status == 500 || answer.status == 503) return true;
  return answer.status == 409 && S3ErrorCode(answer) == "ConditionalRequestConflict";
}

bool IsAmazon(const std::string& endpoint) {
  constexpr std::string_view kEnd = ".amazonaws.com";
  return endpoint.size() > kEnd.size() &&
         endpoint.compare(endpoint.size() - kEnd.size(), kEnd.size(), kEnd) == 0;
}

S3CredentialSettings WithRegion(const S3Settings& s) {
  S3CredentialSettings out = s.credentials;
  if (out.region.empty()) out.region = s.region.empty() ? out.aws.region : s.region;
  return out;
}

}  // namespace

S3Client::S3Client(S3Settings settings, std::unique_ptr<HttpClient> http,
                   std::unique_ptr<HttpClient> metadata_http, const Clock& clock)
    : settings_(std::move(settings)),
      http_(std::move(http)),
      metadata_http_(std::move(metadata_http)),
      clock_(clock),
      credentials_(NewS3CredentialSource(WithRegion(settings_), *metadata_http_, clock)),
      region_(WithRegion(settings_).region.empty() ? kS3DefaultRegion
                                                   : WithRegion(settings_).region) {}

std::string S3Client::Host() const {
  std::string host = settings_.endpoint;
  if (host == "s3.amazonaws.com") {
    std::lock_guard<std::mutex> hold(region_mutex_);
    if (region_ != kS3DefaultRegion) host = "s3." + region_ + ".amazonaws.com";
  }
  bool dots = settings_.bucket.find('.') != std::string::npos;
  bool in_path = settings_.path_style == "true" ||
                 (settings_.path_style == "auto" && (!IsAmazon(settings_.endpoint) || dots));
  return in_path ? host : settings_.bucket + "." + host;
}

std::string S3Client::Path(const std::string& key) const {
  std::string path = "/";
  if (Host().compare(0, settings_.bucket.size() + 1, settings_.bucket + ".") != 0) {
    path += UriEncode(settings_.bucket, false);
    if (!key.empty()) path += '/';
  }
  return path + UriEncode(key, true);
}

Result<HttpAnswer> S3Client::SendOnce(const Call& call) {
  Result<std::shared_ptr<const S3Credentials>> keys = credentials_->Get();
  if (!keys.ok()) return std::move(keys).status();
  SigningInput in;
  in.method = call.method;
  in.path = Path(call.key);
  in.query = CanonicalQuery(call.query);
  in.payload_sha256 = call.has_body ? call.body_sha256 : HexEncode(Sha256({}));
  in.amz_date = AmzDate(clock_.NowMs());
  {
    std::lock_guard<std::mutex> hold(region_mutex_);
    in.region = region_;
  }
  HttpRequest request;
  request.method = call.method;
  request.headers = call.headers;
  request.headers.emplace_back("host", Host());
  request.headers.emplace_back("x-amz-date", in.amz_date);
  request.headers.emplace_back("x-amz-content-sha256", in.payload_sha256);
  for (const auto& [name, value] : request.headers) in.headers[name] = value;
  const SecretString& token = (*keys)->session_token;
  if (!token.empty()) {
    in.headers["x-amz-security-token"] = token.Reveal();
    request.secret_headers.emplace_back("x-amz-security-token", token);
  }
  request.headers.emplace_back("authorization",
                               SignV4(in, (*keys)->access_key, (*keys)->secret_key));
  request.url = (settings_.use_ssl ? "https://" : "http://") + Host() + in.path +
                (in.query.empty() ? "" : "?" + in.query);
  if (call.has_body) request.body = call.body;
  request.max_answer_bytes = std::max(call.limit, kS3MaxText);
  request.body_to = call.body_to;
  if (call.limit > kS3MaxText) request.timeout_ms = kTransferMs;
  request.stall_s = static_cast<int>(kS3PatienceMs / 1000);
  Result<HttpAnswer> answer = Ask(request);
  if (!answer.ok()) return answer;
  int64_t date = 0;
  if (ParseHttpDate(answer->Header("date"), &date)) {
    server_ahead_ms_ = date - clock_.SteadyUs() / 1000;
    server_seen_ = true;
  }
  return answer;
}

// A service that is silent would keep every thread of the server for as long as its patience lasts,
// also from requests that need no S3. One that refuses at once keeps nobody.
Result<HttpAnswer> S3Client::Ask(const HttpRequest& request) {
  const int64_t start_us = clock_.SteadyUs();
  if (!breaker_.Allow(start_us)) {
    return Status::Unavailable("s3: the service is silent; it is asked again in some seconds");
  }
  Result<HttpAnswer> answer = http_->Send(request);
  const int64_t now_us = clock_.SteadyUs();
  const bool unanswered = !answer.ok() && answer.status().code() == Code::kUnavailable;
  if (!unanswered) {
    breaker_.Succeeded();
  } else if (now_us - start_us >= kSilentUs) {
    breaker_.Failed(now_us);
  }
  return answer;
}

// Without a region in the settings, the one that the service names is taken (the original asked for
// it too).
bool S3Client::LearnRegion(const HttpAnswer& answer) {
  if (answer.status != 301 && answer.status != 307 && answer.status != 400) return false;
  if (!settings_.region.empty()) return false;
  std::string region(answer.Header("x-amz-bucket-region"));
  bool good = !region.empty() && region.size() <= 32 &&
              std::all_of(region.begin(), region.end(), [](char c) {
                return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
              });
  std::lock_guard<std::mutex> hold(region_mutex_);
  if (!good || region == region_) return false;
  region_ = std::move(region);
  return true;
}

Result<HttpAnswer> S3Client::Send(const Call& call) {
  for (int repeat = 0;; ++repeat) {
    Result<HttpAnswer> answer = SendOnce(call);
    if (answer.ok() && LearnRegion(*answer)) answer = SendOnce(call);
    // Of an object that is too long the caller knows what to say; of a list it is no list.
    if (!answer.ok() && call.body_to == nullptr) {
      return Status::Unavailable(answer.status().detail());
    }
    if (!answer.ok() || repeat == kRepeats || !WantsRepeat(*answer)) return answer;
    WaitBeforeRepeat(settings_.repeat_ms << repeat);
  }
}

Result<S3Object> S3Client::Read(const std::string& key, uint64_t limit, bool front,
                                const std::string& version) {
  S3Object object;
  Call call;
  call.method = "GET";
  call.key = key;
  call.limit = limit;
  call.body_to = &object.bytes;
  if (!version.empty()) call.query["versionId"] = version;
  if (front) call.headers.emplace_back("range", "bytes=0-" + std::to_string(limit - 1));
  Result<HttpAnswer> answer = Send(call);
  if (!answer.ok()) {
    if (front || answer.status().code() != Code::kTooLarge)
      return Status::Unavailable(answer.status().detail());
    return Status::Corruption("s3 get: " + key + " is longer than allowed");
  }
  if (IsNoSuchKey(*answer)) return Status::NotFound("s3 get: no object " + key);
  if (!version.empty() && S3ErrorCode(*answer) == "NoSuchVersion") {
    return Status::NotFound("s3 get: no version " + version + " of " + key);
  }
  if (answer->status != 200 && !(front && answer->status == 206)) {
    return S3Unexpected("get", *answer);
  }
  object.etag = std::string(answer->Header("etag"));
  object.sha256 = std::string(answer->Header(kDigestHeader));
  object.write = std::string(answer->Header(kWriteHeader));
  // An answer of something that is no S3 service has neither of them, or proves itself wrong below.
  if (object.etag.empty()) return Status::Unavailable("s3 get: an answer without ETag");
  // 206: a part, whose digest nobody stored.
  if (answer->status == 200 && !object.sha256.empty() &&
      object.sha256 != HexEncode(Sha256(object.bytes))) {
    return Status::Corruption("s3 get: " + key + " has other bytes than were stored");
  }
  if (object.bytes.size() > limit) {
    if (!front) return Status::Corruption("s3 get: " + key + " is longer than allowed");
    object.bytes.resize(limit);
  }
  return object;
}

Result<S3Object> S3Client::Get(const std::string& key, uint64_t limit) {
  return Read(key, limit, false);
}

Result<S3Object> S3Client::GetVersion(const std::string& key, const std::string& version,
                                      uint64_t limit) {
  return Read(key, limit, false, version);
}

Result<S3Object> S3Client::GetFront(const std::string& key, uint64_t limit) {
  return Read(key, limit, true);
}

void S3Client::AddEncryption(Call* call) const {
  if (settings_.sse.empty()) return;
  call->headers.emplace_back("x-amz-server-side-encryption", settings_.sse);
  if (!settings_.sse_kms_key_id.empty()) {
    call->headers.emplace_back("x-amz-server-side-encryption-aws-kms-key-id",
                               settings_.sse_kms_key_id);
  }
}

Result<S3PutOutcome> S3Client::Put(const std::string& key, ByteView bytes,
                                   const S3Condition& when) {
  Call call;
  call.method = "PUT";
  call.key = key;
  call.body = bytes;
  call.has_body = true;
  call.body_sha256 = HexEncode(Sha256(bytes));
  const std::string write = RandomHex(16);
  call.headers = {{"content-type", "application/octet-stream"},
                  {kDigestHeader, call.body_sha256},
                  {kWriteHeader, write}};
  if (when.kind == S3Condition::Kind::kAbsent) call.headers.emplace_back("if-none-match", "*");
  if (when.kind == S3Condition::Kind::kEtag) call.headers.emplace_back("if-match", when.etag);
  AddEncryption(&call);
  Result<HttpAnswer> answer = Send(call);
  if (!answer.ok()) return std::move(answer).status();
  // With If-Match, a missing object does not match.
  if (when.kind == S3Condition::Kind::kEtag && IsNoSuchKey(*answer)) return S3PutOutcome{};
  if (answer->status == 412) return Refused(key, write);
  if (answer->status != 200) return S3Unexpected("put", *answer);
  std::string etag(answer->Header("etag"));
  if (etag.empty()) return Status::Unavailable("s3 put: an answer without ETag");
  return S3PutOutcome{true, std::move(etag)};
}

Result<S3PutOutcome> S3Client::Refused(const std::string& key, const std::string& write) {
  Result<S3Object> there = GetFront(key, 1);
  if (there.ok() && there->write == write) return S3PutOutcome{true, std::move(there->etag)};
  if (there.ok() || there.status().code() == Code::kNotFound) return S3PutOutcome{};
  return std::move(there).status().At("after a refused put");
}

Status S3Client::Delete(const std::string& key) {
  Call call;
  call.method = "DELETE";
  call.key = key;
  Result<HttpAnswer> answer = Send(call);
  if (!answer.ok()) return std::move(answer).status();
  if (answer->status == 204 || answer->status == 200 || IsNoSuchKey(*answer)) return Status();
  return S3Unexpected("delete", *answer);
}

int64_t S3Client::ServerNowMs() const {
  if (!server_seen_) return clock_.NowMs();
  return server_ahead_ms_ + clock_.SteadyUs() / 1000;
}

Result<std::unique_ptr<S3Client>> NewS3Client(const S3Settings& settings, const Clock& clock) {
  if (settings.endpoint.empty() || settings.endpoint.find('/') != std::string::npos) {
    return Status::InvalidArgument(
        "STORAGE_S3_ENDPOINT must be host or host:port, without http:// (STORAGE_S3_USE_SSL says "
        "which)");
  }
  if (settings.bucket.empty()) return Status::InvalidArgument("STORAGE_S3_BUCKET is empty");
  if (!settings.prefix.empty() &&
      (settings.prefix.front() == '/' || settings.prefix.back() != '/')) {
    return Status::InvalidArgument(
        "STORAGE_S3_PREFIX is to end with '/', and not to begin with it");
  }
  if (!settings.sse_kms_key_id.empty() && settings.sse != "aws:kms") {
    return Status::InvalidArgument("STORAGE_S3_SSE_KMS_KEY_ID needs STORAGE_S3_SSE=aws:kms");
  }
  HttpClientOptions options;
  options.allow_http = !settings.use_ssl;
  options.ca_file = settings.ca_file;
  Result<std::unique_ptr<HttpClient>> http = NewCurlClient(options);
  if (!http.ok()) return std::move(http).status().At("STORAGE_S3_CA_FILE");
  HttpClientOptions metadata;
  metadata.allow_http = true;
  metadata.connect_timeout_ms = 1000;  // on this machine or its host
  Result<std::unique_ptr<HttpClient>> metadata_http = NewCurlClient(metadata);
  if (!metadata_http.ok()) return std::move(metadata_http).status();
  return std::make_unique<S3Client>(settings, std::move(*http), std::move(*metadata_http), clock);
}

}  // namespace stateward
