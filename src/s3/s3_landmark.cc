#include "s3/s3_landmark.h"

#include <utility>

namespace stateward {

bool S3Landmark::Due() const {
  std::lock_guard<std::mutex> hold(mutex_);
  return good_us_ == 0 || clock_.SteadyUs() - good_us_ >= kFreshUs;
}

Status S3Landmark::Look() {
  int64_t start = clock_.SteadyUs();
  Result<S3Object> object = client_.Get(key_, kMaxBytes);
  std::lock_guard<std::mutex> hold(mutex_);
  if (!object.ok()) {
    good_us_ = 0;
    return Status::Unavailable(name_ + ": " + object.status().detail());
  }
  const Bytes& now = object->bytes;
  good_us_ = 0;
  Result<bool> same = same_(now, seen_.empty() ? now : seen_);
  if (!same.ok()) return Status::Unavailable(name_ + ": " + same.status().detail());
  if (now.empty() || !*same) {
    return Status::Unavailable(name_ + " is another one now; restart when that is meant");
  }
  seen_ = now;
  good_us_ = start;
  return Status();
}

Bytes S3Landmark::Text() const {
  std::lock_guard<std::mutex> hold(mutex_);
  return seen_;
}

void S3Landmark::Forget() {
  std::lock_guard<std::mutex> hold(mutex_);
  seen_.clear();
  good_us_ = 0;
}

}  // namespace stateward
