#include "lock/s3_lock_memory.h"

namespace stateward {

std::optional<S3LockEntry> S3LockMemory::Recall(const StateId& id, const std::string& holder) {
  std::lock_guard<std::mutex> hold(mutex_);
  auto found = known_.find(id.hex());
  if (found == known_.end()) return std::nullopt;
  const LockBook& book = found->second.entry.object.book;
  if (holder.empty()) {
    const bool free = !book.holder && book.plans.empty() && book.waiting.empty();
    return free && found->second.as_left >= kEnough ? std::optional(found->second.entry)
                                                    : std::nullopt;
  }
  if (!book.holder || book.holder->id != holder || book.holder->unconfirmed) return std::nullopt;
  return found->second.entry;
}

void S3LockMemory::Wrote(const StateId& id, const S3LockEntry& entry) {
  std::lock_guard<std::mutex> hold(mutex_);
  if (known_.size() >= kMost && known_.count(id.hex()) == 0) known_.clear();
  known_[id.hex()].entry = entry;
}

void S3LockMemory::Saw(const StateId& id, const std::string& etag) {
  std::lock_guard<std::mutex> hold(mutex_);
  auto found = known_.find(id.hex());
  if (found == known_.end()) return;
  if (found->second.entry.etag == etag) {
    ++found->second.as_left;
  } else {
    known_.erase(found);
  }
}

void S3LockMemory::Forget(const StateId& id, const std::string& etag) {
  std::lock_guard<std::mutex> hold(mutex_);
  auto found = known_.find(id.hex());
  if (found != known_.end() && found->second.entry.etag == etag) known_.erase(found);
}

}  // namespace stateward
