#include "state/pruner.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "history/history.h"

namespace stateward {
namespace {

constexpr int64_t kDayMs = 24LL * 60 * 60 * 1000;
// Where a write may be on its way for a while, a number that was free when it set out must not have
// been taken and freed again when it arrives. Requests live for seconds; storages that build on
// this look again after a minute.
constexpr int64_t kLateWriteMs = 60LL * 60 * 1000;

}  // namespace

Result<Pruned> PruneState(Storage& storage, Kms& kms, const Clock& clock, const HistoryRules& rules,
                          const std::string& store_id, const StateId& id, PruneHow how) {
  const History history(storage, kms, store_id);
  Result<std::vector<uint64_t>> versions = storage.Versions(id);
  if (!versions.ok()) return std::move(versions).status();
  if (versions->size() <= rules.keep) return Pruned{};
  // After the list: what is the newest version now, every later no-op record names, or one above.
  Result<NewestRecord> newest = history.Look(id);
  if (!newest.ok()) return std::move(newest).status();
  if (!newest->unreadable.ok()) return std::move(newest->unreadable).At("the newest version");
  // A record in between is on the way from the head to it (one that could not be read for a while).
  bool in_one_step = newest->real == newest->head || newest->head_info.newest_real == newest->real;
  uint64_t last_on_the_way = in_one_step ? newest->real : newest->head;
  Pruned out;
  int64_t kept_ms = static_cast<int64_t>(rules.days) * kDayMs;
  if (storage.WritesMayArriveLate()) kept_ms = std::max(kept_ms, kLateWriteMs);
  int64_t oldest_kept = clock.NowMs() - kept_ms;
  // Oldest first: the rest is younger, so the first that is kept ends the work.
  while (versions->size() > rules.keep) {
    uint64_t n = versions->back();
    versions->pop_back();
    if (n >= newest->head) break;
    if (n >= newest->real && n <= last_on_the_way) continue;
    Result<SealedInfo> info = history.Info(id, n);
    if (!info.ok()) {
      if (info.status().code() == Code::kNotFound) continue;  // another worker was here
      return std::move(info).status();
    }
    if (info->version.pinned) continue;
    if (info->version.time_ms > oldest_kept) {
      out.nothing_before_ms = info->version.time_ms + kept_ms;
      break;
    }
    if (how == PruneHow::kRemove) STATEWARD_RETURN_IF_ERROR(storage.Prune(id, n));
    ++out.removed;
  }
  return out;
}

Pruner::Pruner(Storage& storage, Kms& kms, const Clock& clock, const HistoryRules& rules,
               const Log& log)
    : storage_(storage), kms_(kms), clock_(clock), rules_(rules), log_(log) {
  thread_ = std::thread([this] { Loop(); });
}

Pruner::~Pruner() {
  {
    std::lock_guard<std::mutex> hold(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Pruner::Enqueue(const std::string& store_id, const StateId& id) {
  {
    std::lock_guard<std::mutex> hold(mutex_);
    auto known = nothing_before_ms_.find(id.hex());
    if (known != nothing_before_ms_.end() && clock_.NowMs() < known->second) return;
    if (queue_.size() >= kMaxQueued) return;
    for (const Job& job : queue_) {
      if (job.id == id) return;
    }
    queue_.push_back({store_id, id});
  }
  wake_.notify_one();
}

void Pruner::Loop() {
  std::unique_lock<std::mutex> hold(mutex_);
  for (;;) {
    wake_.wait(hold, [this] { return stop_ || !queue_.empty(); });
    if (stop_) return;
    Job job = std::move(queue_.front());
    queue_.pop_front();
    hold.unlock();
    Result<Pruned> pruned = PruneState(storage_, kms_, clock_, rules_, job.store_id, job.id);
    if (!pruned.ok()) {
      log_.Write(LogLevel::kWarning, log_.Begin(LogLevel::kWarning, "history not pruned")
                                         .Str("state_id", job.id.hex())
                                         .Str("reason", pruned.status().detail()));
    }
    hold.lock();
    NoteResult(job, pruned);
  }
}

// REQUIRES: mutex_ is held.
void Pruner::NoteResult(const Job& job, const Result<Pruned>& pruned) {
  if (nothing_before_ms_.size() >= kMaxRemembered) nothing_before_ms_.clear();
  nothing_before_ms_[job.id.hex()] = pruned.ok() ? pruned->nothing_before_ms : 0;
}

}  // namespace stateward
