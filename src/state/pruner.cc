#include "state/pruner.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "history/history.h"
#include "state/late_writes.h"

namespace stateward {
namespace {

constexpr int64_t kDayMs = 24LL * 60 * 60 * 1000;
// Where a write may be on its way when its lock is gone, a number that was free when it set out
// must not have been taken and freed again when it arrives. Requests live for seconds; storages
// that build on this look again after a minute.
constexpr int64_t kLateWriteMs = kGapMs;

// One look at one state.
class StatePruner {
 public:
  StatePruner(Records& records, const History& history, const StateId& id, PruneHow how)
      : records_(records), history_(history), id_(id), how_(how) {}

  // What stands at the end stays: the head, the newest version, and what is between them when it is
  // on the way from the one to the other (one that could not be read for a while).
  Status LookAtEnd() {
    // After the list of numbers: what is the newest version now, every later no-op record names, or
    // one above.
    Result<NewestRecord> newest = history_.Look(id_);
    if (!newest.ok()) return std::move(newest).status();
    if (!newest->unreadable.ok()) return std::move(newest->unreadable).At("the newest version");
    const bool in_one_step =
        newest->real == newest->head || newest->head_info.newest_real == newest->real;
    head_ = newest->head;
    real_ = newest->real;
    last_on_the_way_ = in_one_step ? newest->real : newest->head;
    return Status();
  }

  // The lowest of the newest `keep` versions; 0: there are not so many. Old no-op records above it
  // go: they keep nothing from being lost, and what is left is counted by its numbers again.
  Result<uint64_t> LowestOfNewest(uint64_t keep, int64_t oldest_above_gap) {
    uint64_t versions = 0;
    uint64_t lowest = 0;
    Status failed;
    STATEWARD_RETURN_IF_ERROR(history_.Each(id_, [&](const VersionEntry& entry) {
      if (!entry.status.ok()) return true;
      const VersionInfo& info = entry.info.version;
      if (info.kind != RecordKind::kNoOp) {
        if (++versions == keep) lowest = entry.n;
        return lowest == 0;
      }
      if (!Stays(entry.n) && info.time_ms <= oldest_above_gap) failed = Remove(entry.n);
      return failed.ok();
    }));
    if (!failed.ok()) return failed;
    return lowest;
  }

  bool Stays(uint64_t n) const { return n >= head_ || (n >= real_ && n <= last_on_the_way_); }
  Status Remove(uint64_t n) {
    if (how_ == PruneHow::kRemove) STATEWARD_RETURN_IF_ERROR(records_.Prune(id_, n));
    ++removed_;
    return Status();
  }
  uint64_t removed() const { return removed_; }
  // One that does not open stays: nobody can tell whether it may go.
  void NoteUnreadable(uint64_t n, Status why) {
    if (unreadable_.ok()) unreadable_ = std::move(why).At("version " + std::to_string(n));
  }
  const Status& unreadable() const { return unreadable_; }

 private:
  Records& records_;
  const History& history_;
  const StateId& id_;
  const PruneHow how_;
  uint64_t head_ = 0;
  uint64_t real_ = 0;
  uint64_t last_on_the_way_ = 0;
  uint64_t removed_ = 0;
  Status unreadable_;
};

}  // namespace

Result<uint64_t> PruneState(Storage& storage, const Locker& locker, Kms& kms, const Clock& clock,
                            const HistoryRules& rules, const std::string& store_id,
                            const StateId& id, PruneHow how, Status* unreadable) {
  const History history(storage, kms, store_id);
  Result<std::vector<uint64_t>> numbers = storage.Versions(id);
  if (!numbers.ok()) return std::move(numbers).status();
  if (numbers->size() <= rules.keep) return uint64_t{0};
  StatePruner state(storage, history, id, how);
  STATEWARD_RETURN_IF_ERROR(state.LookAtEnd());
  int64_t kept_ms = static_cast<int64_t>(rules.days) * kDayMs;
  if (WritesMayOutliveLocks(storage, locker)) kept_ms = std::max(kept_ms, kLateWriteMs);
  const int64_t oldest_kept = clock.NowMs() - kept_ms;
  // What follows a record that stays leaves a gap above it.
  const int64_t oldest_above_gap = clock.NowMs() - std::max(kept_ms, kGapMs);
  bool above_gap = false;
  // Only when the oldest may go by its age, the newest are read and counted.
  std::optional<uint64_t> lowest;
  // Oldest first: the rest is younger, so the first that is kept ends the work.
  for (; !numbers->empty(); numbers->pop_back()) {
    const uint64_t n = numbers->back();
    if (lowest && n >= *lowest) break;
    if (state.Stays(n)) {
      above_gap = true;
      continue;
    }
    Result<SealedInfo> info = history.Info(id, n);
    if (!info.ok()) {
      if (info.status().code() == Code::kNotFound) continue;  // another worker was here
      if (!info.status().unreadable()) return std::move(info).status();
      state.NoteUnreadable(n, std::move(info).status());
      above_gap = true;
      continue;
    }
    if (info->version.pinned) {
      above_gap = true;
      continue;
    }
    const int64_t oldest = above_gap ? oldest_above_gap : oldest_kept;
    if (TakenAt(info->version) > oldest) break;
    if (!lowest) {
      Result<uint64_t> found = state.LowestOfNewest(rules.keep, oldest_above_gap);
      if (!found.ok()) return std::move(found).status();
      lowest = *found;
      if (n >= *lowest) break;
      // That may have taken seconds, in which this one was pinned.
      info = history.Info(id, n);
      if (!info.ok() && info.status().code() != Code::kNotFound) return std::move(info).status();
      if (!info.ok() || info->version.pinned) {
        above_gap = true;
        continue;
      }
    }
    STATEWARD_RETURN_IF_ERROR(state.Remove(n));
  }
  if (unreadable != nullptr) *unreadable = state.unreadable();
  return state.removed();
}

}  // namespace stateward
