#include "auth/hash_workers.h"

#include <algorithm>
#include <utility>

namespace stateward {

HashWorkers::HashWorkers(int request_threads, Check check)
    : max_inside_(std::max(1, request_threads - std::max(1, request_threads / 4))),
      check_(std::move(check)) {}

HashWorkers::~HashWorkers() {
  {
    std::lock_guard<std::mutex> hold(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Result<bool> HashWorkers::Verify(const SecretString& password, const std::string& hash) {
  Job job{password, hash};
  std::unique_lock<std::mutex> hold(mutex_);
  if (inside_ >= max_inside_) return Status(Code::kOverloaded, "too many logins at once");
  ++inside_;
  while (threads_.size() < static_cast<size_t>(std::min(kMaxThreads, inside_))) {
    threads_.emplace_back([this] { Work(); });
  }
  queue_.push_back(&job);
  changed_.notify_all();
  changed_.wait(hold, [&job] { return job.done; });
  --inside_;
  return std::move(job.right);
}

void HashWorkers::Work() {
  std::unique_lock<std::mutex> hold(mutex_);
  for (;;) {
    changed_.wait(hold, [this] { return stop_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Job* job = queue_.front();
    queue_.pop_front();
    hold.unlock();
    Result<bool> right = check_(job->password, job->hash);
    hold.lock();
    job->right = std::move(right);
    job->done = true;
    changed_.notify_all();
  }
}

}  // namespace stateward
