// An S3 service in memory, in an HttpClient's place, with a hook for what real ones do on bad days.
// It does not look at signatures: the real services do.
#ifndef STATEWARD_TESTS_DOUBLES_MEM_S3_H_
#define STATEWARD_TESTS_DOUBLES_MEM_S3_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/hex.h"
#include "base/sha256.h"
#include "http_client/http_client.h"
#include "s3/s3_client.h"

namespace stateward {

// What all clients of one test share.
struct MemS3 {
  struct Object {
    std::string bytes;
    std::string etag;
    std::string sha256;
    std::string write;
    uint64_t second = 0;  // of this hour, in which it was written
  };
  struct Asked {
    std::string method;
    std::string key;  // "" = the bucket
    std::map<std::string, std::string> headers;
  };
  using Answer = Result<HttpAnswer>;
  // Answers in the service's place; `done` gives the true answer, after the service acted.
  using Fault =
      std::function<std::optional<Answer>(const Asked&, const std::function<Answer()>& done)>;

  std::mutex mutex;
  bool bucket = false;
  bool if_none_match = true;  // false: it is ignored
  bool if_match = true;       // false: it is ignored
  std::map<std::string, Object> objects;
  uint64_t writes = 0;
  uint64_t second = 0;  // of LastModified, from 00 to 59; it goes when a test says so
  std::atomic<int64_t> date_ms{1795625743000};  // of the header Date: 2026-11-25; the same
  Fault fault;
  std::vector<Asked> log;
  // The round trips that are expected, each with what is asked in it, in the words of NameOf. An
  // answer waits until everything of its round was asked: what is asked one after the other does
  // not get through. nullopt: nothing waits.
  std::optional<std::vector<std::multiset<std::string>>> rounds;
  std::string unexpected;  // the first that no round had
  std::condition_variable asked;

  // "GET state", "PUT lock", "LIST", ...
  static std::string NameOf(const Asked& asked) {
    if (asked.key.empty()) return asked.method == "GET" ? "LIST" : asked.method + " bucket";
    const auto begins = [&asked](const char* start) { return asked.key.rfind(start, 0) == 0; };
    const char* what = "other";
    if (begins("states/")) what = "state";
    if (begins("locks/")) what = "lock";
    if (begins("locks/01-gates")) what = "gates";
    return asked.method + " " + what;
  }
  // Waits for the others of the round. REQUIRES: the mutex is held
  void TakePart(std::unique_lock<std::mutex>& hold, const Asked& one) {
    if (!rounds) return;
    const size_t left = rounds->size();
    if (left == 0 || rounds->front().count(NameOf(one)) == 0) {
      if (unexpected.empty()) unexpected = NameOf(one);
      return;
    }
    rounds->front().erase(rounds->front().find(NameOf(one)));
    if (rounds->front().empty()) {
      rounds->erase(rounds->begin());
      asked.notify_all();
      return;
    }
    const auto whole = [&] { return rounds->size() != left; };
    // Beyond it something is broken, not slow.
    if (!asked.wait_for(hold, std::chrono::minutes(2), whole) && unexpected.empty()) {
      unexpected = NameOf(one) + " without the others of its round";
    }
  }

  // As services tell it: the second that is full.
  std::string Date() const {
    const std::time_t seconds = date_ms / 1000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[40] = "";
    (void)strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return text;
  }

  static HttpAnswer Error(int status, const std::string& code) {
    return Text(status, "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code></Error>");
  }
  static HttpAnswer Text(int status, const std::string& body) {
    HttpAnswer answer;
    answer.status = status;
    answer.body.assign(body.begin(), body.end());
    return answer;
  }
};

class MemS3Http : public HttpClient {
 public:
  explicit MemS3Http(std::shared_ptr<MemS3> s3) : s3_(std::move(s3)) {}

  Result<HttpAnswer> Send(const HttpRequest& request) override {
    std::unique_lock<std::mutex> hold(s3_->mutex);
    MemS3::Asked asked;
    asked.method = request.method;
    for (const auto& [name, value] : request.headers) asked.headers[name] = value;
    std::string rest = request.url.substr(request.url.find('/', 8) + 1);
    std::string query = rest.find('?') == rest.npos ? "" : rest.substr(rest.find('?') + 1);
    rest = rest.substr(0, rest.find('?'));
    asked.key = rest.find('/') == rest.npos ? "" : Decode(rest.substr(rest.find('/') + 1));
    s3_->log.push_back(asked);
    s3_->TakePart(hold, asked);
    auto act = [&]() -> MemS3::Answer { return Act(asked, query, request); };
    std::optional<MemS3::Answer> fault;
    if (s3_->fault) fault = s3_->fault(asked, act);
    MemS3::Answer answer = fault ? std::move(*fault) : act();
    if (answer.ok()) answer->headers.emplace_back("date", s3_->Date());
    if (answer.ok() && request.body_to != nullptr && answer->status / 100 == 2) {
      request.body_to->assign(answer->body.begin(), answer->body.end());
    }
    return answer;
  }

 private:
  static std::string Decode(const std::string& text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '%') {
        out += text[i];
      } else {
        out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
        i += 2;
      }
    }
    return out;
  }
  static std::string Value(const std::string& query, const std::string& name) {
    const std::string all = "&" + query;
    size_t at = all.find("&" + name + "=");
    if (at == all.npos) return "";
    at += name.size() + 2;
    return Decode(all.substr(at, all.find('&', at) - at));
  }

  HttpAnswer Act(const MemS3::Asked& asked, const std::string& query, const HttpRequest& request) {
    if (asked.key.empty() && asked.method == "PUT") {
      s3_->bucket = true;
      return MemS3::Text(200, "");
    }
    if (!s3_->bucket) return MemS3::Error(404, "NoSuchBucket");
    if (asked.key.empty()) return List(query);
    if (asked.method == "PUT") return Put(asked, *request.body);
    auto found = s3_->objects.find(asked.key);
    if (asked.method == "DELETE") {
      if (found != s3_->objects.end()) s3_->objects.erase(found);
      return MemS3::Text(204, "");
    }
    if (found == s3_->objects.end()) return MemS3::Error(404, "NoSuchKey");
    std::string bytes = found->second.bytes;
    auto range = asked.headers.find("range");
    if (range != asked.headers.end()) bytes.resize(std::min(bytes.size(), End(range->second)));
    HttpAnswer answer = MemS3::Text(range == asked.headers.end() ? 200 : 206, bytes);
    answer.headers.emplace_back("etag", found->second.etag);
    if (!found->second.sha256.empty()) {
      answer.headers.emplace_back("x-amz-meta-sha256", found->second.sha256);
      answer.headers.emplace_back("x-amz-meta-write", found->second.write);
    }
    return answer;
  }
  static size_t End(const std::string& range) { return std::stoul(range.substr(8)) + 1; }

  HttpAnswer Put(const MemS3::Asked& asked, ByteView body) {
    auto found = s3_->objects.find(asked.key);
    auto match = asked.headers.find("if-match");
    if (s3_->if_match && match != asked.headers.end()) {
      if (found == s3_->objects.end()) return MemS3::Error(404, "NoSuchKey");
      if (found->second.etag != match->second) return MemS3::Error(412, "PreconditionFailed");
    }
    if (s3_->if_none_match && asked.headers.count("if-none-match") > 0 &&
        found != s3_->objects.end()) {
      return MemS3::Error(412, "PreconditionFailed");
    }
    MemS3::Object& object = s3_->objects[asked.key];
    object.bytes = std::string(body.AsString());
    object.etag = "\"e" + std::to_string(++s3_->writes) + "\"";
    object.sha256 = asked.headers.at("x-amz-meta-sha256");
    object.write = asked.headers.at("x-amz-meta-write");
    object.second = s3_->second;
    HttpAnswer answer = MemS3::Text(200, "");
    answer.headers.emplace_back("etag", object.etag);
    return answer;
  }

  HttpAnswer List(const std::string& query) {
    const std::string prefix = Value(query, "prefix");
    const std::string after =
        std::max(Value(query, "start-after"), Value(query, "continuation-token"));
    size_t room = std::stoul(Value(query, "max-keys"));
    std::string xml;
    std::string last;
    std::set<std::string> folders;
    bool more = false;
    for (const auto& [key, object] : s3_->objects) {
      if (key.compare(0, prefix.size(), prefix) != 0 || key <= after) continue;
      if (room == 0) {
        more = true;
        break;
      }
      last = key;
      size_t slash = key.find('/', prefix.size());
      if (!Value(query, "delimiter").empty() && slash != key.npos) {
        if (folders.insert(key.substr(0, slash + 1)).second) {
          xml +=
              "<CommonPrefixes><Prefix>" + key.substr(0, slash + 1) + "</Prefix></CommonPrefixes>";
        }
        continue;
      }
      xml += "<Contents><Key>" + key + "</Key><ETag>" + object.etag + "</ETag><Size>" +
             std::to_string(object.bytes.size()) +
             "</Size><LastModified>2026-11-26T12:00:" + (object.second < 10 ? "0" : "") +
             std::to_string(object.second) + ".000Z</LastModified></Contents>";
      --room;
    }
    return MemS3::Text(
        200, "<ListBucketResult xmlns=\"x\"><IsTruncated>" + std::string(more ? "true" : "false") +
                 "</IsTruncated>" +
                 (more ? "<NextContinuationToken>" + last + "</NextContinuationToken>" : "") + xml +
                 "</ListBucketResult>");
  }

  const std::shared_ptr<MemS3> s3_;
};

// One more client of the service, as another process would have it.
inline std::unique_ptr<S3Client> NewMemS3Client(const std::shared_ptr<MemS3>& s3,
                                                const Clock& clock) {
  S3Settings settings;
  settings.endpoint = "s3.test";
  settings.bucket = "b";
  settings.region = "us-east-1";
  settings.repeat_ms = 0;
  settings.credentials.access_key = SecretString("key");
  settings.credentials.secret_key = SecretString("secret");
  return std::make_unique<S3Client>(settings, std::make_unique<MemS3Http>(s3),
                                    std::make_unique<MemS3Http>(s3), clock);
}

}  // namespace stateward

#endif  // STATEWARD_TESTS_DOUBLES_MEM_S3_H_
