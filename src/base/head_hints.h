// Remembers where the end of a state's history was, so that finding it takes two looks and no list.
// Only a hint: its user proves that the record is there and that none follows. The newest
// record is never removed, so an end below the hint means that records are gone.
// Thread-safe.
#ifndef STATEWARD_BASE_HEAD_HINTS_H_
#define STATEWARD_BASE_HEAD_HINTS_H_

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "stateward/state.h"
#include "stateward/status.h"

namespace stateward {

// kUnavailable when the end that was found is below the hint that was there before it was looked
// for.
inline Status CheckHead(uint64_t hint, uint64_t head) {
  if (head >= hint) return Status();
  return Status::Unavailable("record " + std::to_string(hint) + " and what followed it is gone");
}

class HeadHints {
 public:
  struct Hint {
    uint64_t n = 0;       // 0: nothing known
    int64_t seen_us = 0;  // Clock::SteadyUs() before n was seen to be the newest; 0 where not kept
  };
  Hint Look(const StateId& id) {
    Shard& shard = ShardOf(id);
    std::lock_guard<std::mutex> hold(shard.mutex);
    auto it = shard.heads.find(id.hex());
    return it == shard.heads.end() ? Hint() : it->second;
  }
  // 0: nothing known.
  uint64_t Get(const StateId& id) { return Look(id).n; }
  void Set(const StateId& id, uint64_t n, int64_t seen_us = 0) {
    Shard& shard = ShardOf(id);
    std::lock_guard<std::mutex> hold(shard.mutex);
    if (shard.heads.size() >= kPerShard) shard.heads.clear();
    shard.heads[id.hex()] = {n, seen_us};
  }
  // As Set, but never to a lower number, nor to an earlier time.
  void Raise(const StateId& id, uint64_t n, int64_t seen_us = 0) {
    Shard& shard = ShardOf(id);
    std::lock_guard<std::mutex> hold(shard.mutex);
    auto it = shard.heads.find(id.hex());
    if (it != shard.heads.end()) {
      if (n > it->second.n || (n == it->second.n && seen_us > it->second.seen_us)) {
        it->second = {n, seen_us};
      }
      return;
    }
    if (shard.heads.size() >= kPerShard) shard.heads.clear();
    shard.heads[id.hex()] = {n, seen_us};
  }

 private:
  // 16 x 1024 states of about 120 bytes: 2 MiB at the most.
  static constexpr size_t kShards = 16;
  static constexpr size_t kPerShard = 1024;
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, Hint> heads;
  };
  Shard& ShardOf(const StateId& id) {
    return shards_[id.hex().empty() ? 0 : static_cast<size_t>(id.hex().back()) % kShards];
  }
  std::array<Shard, kShards> shards_;
};

}  // namespace stateward

#endif  // STATEWARD_BASE_HEAD_HINTS_H_
