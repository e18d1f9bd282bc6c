#include "app/key_publisher.h"

#include <chrono>
#include <string>
#include <utility>

#include "state/key_notice.h"

namespace stateward {

KeyPublisher::KeyPublisher(std::function<Status()> publish, const Log& log)
    : publish_(std::move(publish)), log_(log), thread_([this] { Run(); }) {}

void KeyPublisher::Wake() {
  {
    std::lock_guard<std::mutex> hold(mutex_);
    due_ = true;
  }
  wake_.notify_all();
}

void KeyPublisher::Stop() {
  {
    std::lock_guard<std::mutex> hold(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void KeyPublisher::Run() {
  std::string said;  // the trouble that the log holds already
  std::unique_lock<std::mutex> hold(mutex_);
  while (true) {
    wake_.wait_for(hold, std::chrono::milliseconds(kNoticeEveryMs),
                   [this] { return due_ || stop_; });
    if (stop_) return;
    due_ = false;
    hold.unlock();
    const Status done = publish_();
    const std::string trouble = done.ok() ? "" : done.detail();
    if (!trouble.empty() && trouble != said) {
      log_.Warning("the store does not learn which keys this server knows: " + trouble);
    }
    said = trouble;
    hold.lock();
  }
}

}  // namespace stateward
