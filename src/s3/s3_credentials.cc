#include "s3/s3_credentials.h"

#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "base/secret_file.h"
#include "s3/s3_fetch.h"

namespace stateward {
namespace {

using Keys = std::shared_ptr<const S3Credentials>;

// Keys that end sooner are fetched again (AWS hands out new ones at least so long before).
constexpr int64_t kRenewBeforeMs = int64_t{5} * 60 * 1000;
// After a failed renewal the old keys serve so long before the next try.
constexpr int64_t kRenewAgainMs = int64_t{10} * 1000;
// How often a file is looked at.
constexpr int64_t kLookUs = int64_t{1000} * 1000;

class FixedSource : public S3CredentialSource {
 public:
  explicit FixedSource(S3Credentials keys)
      : keys_(std::make_shared<const S3Credentials>(std::move(keys))) {}
  Result<Keys> Get() override { return keys_; }

 private:
  const Keys keys_;
};

class NoSource : public S3CredentialSource {
 public:
  Result<Keys> Get() override {
    return Status::Unavailable(
        "no keys for S3: set STORAGE_S3_ACCESS_KEY and "
        "STORAGE_S3_SECRET_KEY, or see docs/storage.md");
  }
};

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  size_t from = text.find_first_not_of(kBlanks);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kBlanks) - from + 1);
}

// The AWS tools' own form: [section] lines and name = value lines; the first section counts.
Result<Keys> ParseCredentialsFile(const std::string& path) {
  Result<SecretString> read = ReadSecretFile(path);
  if (!read.ok()) return std::move(read).status();
  std::string_view rest = read->Reveal();
  S3Credentials keys;
  int sections = 0;
  while (!rest.empty()) {
    size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = Trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      if (++sections > 1) break;
      continue;
    }
    size_t equals = std::min(line.find('='), line.size());
    std::string_view name = Trim(line.substr(0, equals));
    std::string_view value = Trim(line.substr(std::min(equals + 1, line.size())));
    if (name == "aws_access_key_id") keys.access_key = std::string(value);
    if (name == "aws_secret_access_key") keys.secret_key = SecretString(value);
    if (name == "aws_session_token") keys.session_token = SecretString(value);
  }
  if (keys.access_key.empty() || keys.secret_key.empty()) {
    return Status::Unavailable(path + ": aws_access_key_id or aws_secret_access_key is missing");
  }
  return std::make_shared<const S3Credentials>(std::move(keys));
}

// STORAGE_S3_ACCESS_KEY and its companions, each itself or from its file.
Result<Keys> ReadOwn(const S3CredentialSettings& s) {
  SecretString access_key = s.access_key;
  S3Credentials keys{"", s.secret_key, s.session_token, 0};
  const std::pair<const std::string&, SecretString*> files[] = {
      {s.access_key_file, &access_key},
      {s.secret_key_file, &keys.secret_key},
      {s.session_token_file, &keys.session_token}};
  for (const auto& [path, secret] : files) {
    if (path.empty()) continue;
    Result<SecretString> read = ReadSecretFile(path);
    if (!read.ok()) return std::move(read).status();
    *secret = std::move(*read);
  }
  keys.access_key = std::string(access_key.Reveal());
  if (keys.access_key.empty() || keys.secret_key.empty()) {
    return Status::Unavailable("STORAGE_S3_ACCESS_KEY or STORAGE_S3_SECRET_KEY is empty");
  }
  return std::make_shared<const S3Credentials>(std::move(keys));
}

// Keys that lie in files, which are looked at now and then.
class FileSource : public S3CredentialSource {
 public:
  using Read = std::function<Result<Keys>()>;
  FileSource(std::vector<std::string> paths, Read read, const Clock& clock)
      : paths_(std::move(paths)), read_(std::move(read)), clock_(clock) {}

  Result<Keys> Get() override {
    std::lock_guard<std::mutex> hold(mutex_);
    int64_t now = clock_.SteadyUs();
    if (keys_ && now - looked_us_ < kLookUs) return keys_;
    looked_us_ = now;
    std::vector<int64_t> marks = Marks();
    if (keys_ && marks == marks_) return keys_;
    Result<Keys> read = read_();
    // Files that are being exchanged are not whole for a moment: the old keys serve until they are.
    if (!read.ok() && keys_) return keys_;
    if (!read.ok()) return read;
    keys_ = std::move(*read);
    marks_ = std::move(marks);
    return keys_;
  }

 private:
  // What changes when a file does.
  std::vector<int64_t> Marks() const {
    std::vector<int64_t> marks;
    for (const std::string& path : paths_) {
      struct stat st {};
      if (stat(path.c_str(), &st) != 0) continue;
      for (int64_t mark :
           {static_cast<int64_t>(st.st_ino), static_cast<int64_t>(st.st_size),
            static_cast<int64_t>(st.st_mtim.tv_sec), static_cast<int64_t>(st.st_mtim.tv_nsec)}) {
        marks.push_back(mark);
      }
    }
    return marks;
  }

  const std::vector<std::string> paths_;
  const Read read_;
  const Clock& clock_;
  std::mutex mutex_;
  Keys keys_;
  std::vector<int64_t> marks_;
  int64_t looked_us_ = 0;
};

class FetchedSource : public S3CredentialSource {
 public:
  using Fetch = std::function<Result<S3Credentials>()>;
  FetchedSource(Fetch fetch, const Clock& clock) : fetch_(std::move(fetch)), clock_(clock) {}

  Result<Keys> Get() override {
    Keys keys = Current();
    int64_t now = clock_.NowMs();
    if (keys && now < keys->expires_ms) {
      std::unique_lock<std::mutex> one(fetching_, std::defer_lock);
      bool due = now >= keys->expires_ms - kRenewBeforeMs;
      if (!due || !one.try_lock() || now < again_ms_) return keys;
      again_ms_ = now + kRenewAgainMs;
      Result<Keys> renewed = Renew();
      return renewed.ok() ? renewed : keys;
    }
    std::lock_guard<std::mutex> one(fetching_);
    Keys other = Current();  // another thread may have fetched them meanwhile
    if (other && clock_.NowMs() < other->expires_ms) return other;
    return Renew();
  }

 private:
  Keys Current() {
    std::lock_guard<std::mutex> hold(mutex_);
    return keys_;
  }
  Result<Keys> Renew() {
    Result<S3Credentials> fetched = fetch_();
    if (!fetched.ok()) return std::move(fetched).status();
    Keys keys = std::make_shared<const S3Credentials>(std::move(*fetched));
    std::lock_guard<std::mutex> hold(mutex_);
    keys_ = keys;
    return keys;
  }

  const Fetch fetch_;
  const Clock& clock_;
  std::mutex fetching_;   // one thread at a time asks
  int64_t again_ms_ = 0;  // guarded by fetching_
  std::mutex mutex_;
  Keys keys_;
};

}  // namespace

std::unique_ptr<S3CredentialSource> NewS3CredentialSource(const S3CredentialSettings& s,
                                                          HttpClient& http, const Clock& clock) {
  const AwsEnvironment& aws = s.aws;
  if (!(s.access_key.empty() && s.access_key_file.empty())) {
    std::vector<std::string> files = {s.access_key_file, s.secret_key_file, s.session_token_file};
    return std::make_unique<FileSource>(
        std::move(files), [s] { return ReadOwn(s); }, clock);
  }
  if (!s.credentials_file.empty()) {
    return std::make_unique<FileSource>(
        std::vector<std::string>{s.credentials_file},
        [path = s.credentials_file] { return ParseCredentialsFile(path); }, clock);
  }
  if (!aws.access_key_id.empty() && !aws.secret_access_key.empty()) {
    return std::make_unique<FixedSource>(
        S3Credentials{aws.access_key_id, aws.secret_access_key, aws.session_token, 0});
  }
  FetchedSource::Fetch fetch;
  if (!aws.web_identity_token_file.empty() && !aws.role_arn.empty()) {
    fetch = [s, &http] { return FetchByWebIdentity(http, s); };
  } else if (!aws.container_relative_uri.empty() || !aws.container_full_uri.empty()) {
    fetch = [aws, &http] { return FetchFromContainer(http, aws); };
  } else if (!aws.metadata_disabled) {
    fetch = [aws, &http] { return FetchFromMachine(http, aws); };
  } else {
    return std::make_unique<NoSource>();
  }
  return std::make_unique<FetchedSource>(std::move(fetch), clock);
}

}  // namespace stateward
