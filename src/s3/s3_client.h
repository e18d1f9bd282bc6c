// One bucket of an S3 service: signed requests, and their answers as facts.
//
// kNotFound only when the service said NoSuchKey. Everything else that is not the answer that was
// asked for (NoSuchBucket, 301, 403, 5xx, HTML, silence) is kUnavailable. kCorruption: the bytes
// are not those whose digest was stored with them, or more than allowed. A write that is
// kUnavailable may have taken effect, or may do so later.
#ifndef STATEWARD_S3_S3_CLIENT_H_
#define STATEWARD_S3_S3_CLIENT_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/circuit_breaker.h"
#include "http_client/http_client.h"
#include "s3/s3_credentials.h"
#include "s3/s3_settings.h"
#include "stateward/bytes.h"
#include "stateward/clock.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

struct S3Object {
  Bytes bytes;
  std::string etag;
  std::string sha256;  // as stored with it: 64 hex digits; "" = none (not written by us)
  std::string write;   // names the Put that wrote it; "" = none
};

// When a PUT may take effect.
struct S3Condition {
  enum class Kind : uint8_t { kAlways, kAbsent, kEtag };
  Kind kind = Kind::kAlways;
  std::string etag;
  static S3Condition Absent() { return {Kind::kAbsent, ""}; }
  static S3Condition Etag(std::string etag) { return {Kind::kEtag, std::move(etag)}; }
};

struct S3PutOutcome {
  bool done = false;  // false: the condition does not hold
  std::string etag;   // of the new object
};

struct S3ListRequest {
  std::string prefix;
  std::string start_after;  // only keys behind it
  bool folders = false;     // what has a '/' behind the prefix counts as one folder
  uint32_t page = 1000;     // keys in one answer; 1000 is the most that S3 gives
};

struct S3Page {
  struct Entry {
    std::string key;
    std::string etag;
    uint64_t size = 0;
    std::string time;  // of its last change, as the service writes it (RFC 3339, UTC)
  };
  std::vector<Entry> objects;        // in order of their keys
  std::vector<std::string> folders;  // with their '/' at the end
};

// One version of an object, in a bucket that keeps old ones.
struct S3ObjectVersion {
  std::string id;        // "null": of a bucket that keeps none
  std::string time;      // as the service writes it (RFC 3339)
  bool deleted = false;  // a marker in the place of an object
};

// Thread-safe. Every call ends within kS3PatienceMs, a longer transfer excepted that goes on. After
// five that were silent for a second or more, one caller in 5 s asks and all others are
// kUnavailable at once, until one is answered.
class S3Client {
 public:
  S3Client(S3Settings settings, std::unique_ptr<HttpClient> http,
           std::unique_ptr<HttpClient> metadata_http, const Clock& clock);

  const S3Settings& settings() const { return settings_; }

  // The whole object, of at most `limit` bytes, its digest checked when one was stored with it.
  Result<S3Object> Get(const std::string& key, uint64_t limit);
  // The same of one version. kNotFound also when the service says NoSuchVersion.
  Result<S3Object> GetVersion(const std::string& key, const std::string& version, uint64_t limit);
  // The versions of exactly this key, newest first.
  Result<std::vector<S3ObjectVersion>> Versions(const std::string& key);
  // Its first `limit` bytes; the digest is not checked.
  Result<S3Object> GetFront(const std::string& key, uint64_t limit);
  // Stores the SHA-256 with it. Repeats what the service says to repeat; the outcome is then that
  // of the last try, and "not done" may be the echo of an earlier one.
  Result<S3PutOutcome> Put(const std::string& key, ByteView bytes, const S3Condition& when);
  // OK also when it was not there.
  Status Delete(const std::string& key);
  // Calls `each` for every page until it returns false.
  Status List(const S3ListRequest& request, const std::function<bool(const S3Page&)>& each);
  // False when the service says NoSuchBucket.
  Result<bool> HasBucket();
  // OK also when it is there and ours.
  Status MakeBucket();

  // Proves once that the service honours If-None-Match and If-Match, with objects of its own below
  // `prefix`. kUnavailable: it does not (docs/storage.md), or could not be asked; asked again then.
  Status ProveConditions(const std::string& prefix);

  // The service's wall clock as its answers told it, to the second; ours before the first answer.
  int64_t ServerNowMs() const;

 private:
  struct Call {
    std::string method;
    std::string key;  // "" = the bucket itself
    std::map<std::string, std::string> query;
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
    ByteView body;
    bool has_body = false;
    std::string body_sha256;  // hex; needed when has_body
    uint64_t limit = 0;
    Bytes* body_to = nullptr;
  };
  Result<HttpAnswer> Send(const Call& call);
  Result<HttpAnswer> SendOnce(const Call& call);
  Result<HttpAnswer> Ask(const HttpRequest& request);
  bool LearnRegion(const HttpAnswer& answer);
  std::string Host() const;
  std::string Path(const std::string& key) const;
  Result<S3Object> Read(const std::string& key, uint64_t limit, bool front,
                        const std::string& version = "");
  Result<S3PutOutcome> Refused(const std::string& key, const std::string& write);
  Status Probe(const std::string& key);
  void AddEncryption(Call* call) const;

  const S3Settings settings_;
  const std::unique_ptr<HttpClient> http_;
  const std::unique_ptr<HttpClient> metadata_http_;
  const Clock& clock_;
  const std::unique_ptr<S3CredentialSource> credentials_;
  mutable std::mutex region_mutex_;
  std::string region_;
  std::atomic<int64_t> server_ahead_ms_{0};  // the service's wall clock less our steady one
  std::atomic<bool> server_seen_{false};
  std::mutex proof_mutex_;
  std::atomic<bool> proved_{false};
  CircuitBreaker breaker_;
};

// Longer than a healthy service ever takes for a small object; a client's own patience is longer.
inline constexpr int64_t kS3PatienceMs = 10000;

// kInvalidArgument: the text names the setting and says what would be right.
Result<std::unique_ptr<S3Client>> NewS3Client(const S3Settings& settings, const Clock& clock);

}  // namespace stateward

#endif  // STATEWARD_S3_S3_CLIENT_H_
