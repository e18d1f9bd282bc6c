// A web of pages that a test writes: what is not there is no answer.
#ifndef STATEWARD_TESTS_DOUBLES_FAKE_WEB_H_
#define STATEWARD_TESTS_DOUBLES_FAKE_WEB_H_

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "http_client/http_client.h"

namespace stateward {

// Outlives its clients. Thread-safe.
class FakeWeb {
 public:
  void Put(const std::string& url, const std::string& body, int status = 200) {
    std::lock_guard<std::mutex> hold(mutex_);
    pages_[url] = {status, body};
  }
  void Clear() {
    std::lock_guard<std::mutex> hold(mutex_);
    pages_.clear();
  }
  // How often it was asked for.
  int Asked(const std::string& url) {
    std::lock_guard<std::mutex> hold(mutex_);
    return asked_[url];
  }
  // While it is slow, no answer comes (until the client is told to stop).
  void SetSlow(bool slow) {
    std::lock_guard<std::mutex> hold(mutex_);
    slow_ = slow;
    changed_.notify_all();
  }
  std::unique_ptr<HttpClient> Client() { return std::make_unique<FakeClient>(*this); }

 private:
  class FakeClient : public HttpClient {
   public:
    explicit FakeClient(FakeWeb& web) : web_(web) {}
    Result<HttpAnswer> Send(const HttpRequest& request) override { return web_.Get(request); }

   private:
    FakeWeb& web_;
  };
  struct Page {
    int status;
    std::string body;
  };

  Result<HttpAnswer> Get(const HttpRequest& request) {
    std::unique_lock<std::mutex> hold(mutex_);
    ++asked_[request.url];
    while (slow_ && !*request.stop) changed_.wait_for(hold, std::chrono::milliseconds(5));
    auto page = pages_.find(request.url);
    if (page == pages_.end()) return Status::Unavailable("http: no answer");
    if (page->second.body.size() > request.max_answer_bytes) {
      return Status(Code::kTooLarge, "http: the answer is too long");
    }
    HttpAnswer answer;
    answer.status = page->second.status;
    answer.body.assign(page->second.body.begin(), page->second.body.end());
    return answer;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Page> pages_;
  std::map<std::string, int> asked_;
  bool slow_ = false;
};

}  // namespace stateward

#endif  // STATEWARD_TESTS_DOUBLES_FAKE_WEB_H_
