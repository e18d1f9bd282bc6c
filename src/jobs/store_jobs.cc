#include "jobs/store_jobs.h"

#include <algorithm>
#include <map>
#include <utility>

#include "history/history.h"
#include "jobs/walk.h"
#include "state/pruner.h"

namespace stateward {
namespace {

constexpr int64_t kMinuteMs = int64_t{60} * 1000;
constexpr int64_t kHourMs = 60 * kMinuteMs;
constexpr int64_t kDayMs = 24 * kHourMs;

class CountJob : public Job {
 public:
  std::string_view Name() const override { return "counts"; }
  void Restart() override {}
  std::map<std::string, uint64_t> Found() const override { return found_; }
  JobStep Step(const JobParts& parts) override {
    Result<uint64_t> states = parts.storage.Count();
    if (!states.ok()) return {std::move(states).status(), kMinuteMs, false};
    found_[kStoredObjects] = *states;
    Result<HeldCount> locks = parts.locker.CountHeld();
    if (!locks.ok()) return {std::move(locks).status(), kMinuteMs, false};
    found_[kLocksHeld] = locks->all();
    return {Status(), kMinuteMs, true};
  }

 private:
  std::map<std::string, uint64_t> found_;
};

// Of each process: one that waits for the first count must not wait for another process.
class UntouchedJob : public Job {
 public:
  std::string_view Name() const override { return "untouched"; }
  JobScope Scope() const override { return JobScope::kProcess; }
  void Restart() override {}
  JobStep Step(const JobParts& parts) override {
    const Status counted = parts.untouched == nullptr ? Status() : parts.untouched->CountIfDue();
    return {counted, Untouched::kEveryMs, counted.ok()};
  }
};

class PruneJob : public Job {
 public:
  std::string_view Name() const override { return "prune"; }
  JobScope Scope() const override { return JobScope::kStore; }
  void Restart() override { walk_.Reset(); }
  JobStep Step(const JobParts& parts) override {
    Result<std::shared_ptr<const StoreIdentity>> store = parts.gate.Store();
    if (!store.ok()) return {std::move(store).status(), kHourMs, false};
    if (!walk_.running()) {
      Result<PrunedUploads> uploads =
          PruneUploads(parts.storage, parts.clock, parts.uploads, PruneHow::kRemove);
      if (!uploads.ok()) return {std::move(uploads).status(), kHourMs, false};
      walk_.Begin();
    }
    const Status listed = walk_.GoOn(parts.storage, *this);
    if (!listed.ok()) return {listed, kHourMs, false};
    // One bad state must not keep the others from being pruned.
    Status failed;
    for (int i = 0; i < kBatch && walk_.Next() != nullptr; ++i) {
      const StateId id = *walk_.Next();
      walk_.Advance();
      Status unreadable;
      Result<uint64_t> pruned =
          PruneState(parts.storage, parts.locker, parts.kms, parts.clock, parts.history,
                     (*store)->store_id, id, PruneHow::kRemove, &unreadable);
      Status why = pruned.ok() ? std::move(unreadable) : std::move(pruned).status();
      if (!why.ok()) failed = std::move(why).At("state " + id.hex());
      if (failed.code() == Code::kUnavailable) break;  // the service may not answer: later
    }
    if (!failed.ok()) return {failed, kHourMs, false};
    if (!walk_.Done()) return {Status(), kPauseMs, false};
    walk_.Reset();
    return {Status(), kHourMs, true};
  }

 private:
  static constexpr int kBatch = 25;
  static constexpr int64_t kPauseMs = 500;
  Walk walk_;
};

class ExamineJob : public Job {
 public:
  std::string_view Name() const override { return "examine"; }
  JobScope Scope() const override { return JobScope::kStore; }
  void Restart() override { walk_.Reset(); }
  std::map<std::string, uint64_t> Found() const override {
    return {{kDamagedStates, damaged_}, {kUnreadableStates, unreadable_}};
  }
  JobStep Step(const JobParts& parts) override {
    Result<std::shared_ptr<const StoreIdentity>> store = parts.gate.Store();
    if (!store.ok()) return {std::move(store).status(), kMinuteMs, false};
    if (!walk_.running()) {
      walk_.Begin();
      damaged_ = 0;
      unreadable_ = 0;
      began_us_ = parts.clock.SteadyUs();
    }
    const Status listed = walk_.GoOn(parts.storage, *this);
    if (!listed.ok()) return {listed, kMinuteMs, false};
    int64_t pause_ms = 0;
    if (walk_.Next() != nullptr) {
      const Status seen = Look(parts, (*store)->store_id, *walk_.Next(), &pause_ms);
      if (!seen.ok()) return {seen, kMinuteMs, false};  // the same one again
      walk_.Advance();
    }
    if (!walk_.Done()) return {Status(), pause_ms, false};
    walk_.Reset();
    const int64_t took_ms = (parts.clock.SteadyUs() - began_us_) / 1000;
    return {Status(), std::max(kMinuteMs, kDayMs - took_ms), true};
  }

 private:
  static constexpr int64_t kPauseMs = 200;
  static constexpr uint64_t kBytesPerMs = 20000;

  Status Look(const JobParts& parts, const std::string& store_id, const StateId& id,
              int64_t* pause_ms) {
    *pause_ms = kPauseMs;
    Result<std::optional<Opened>> newest =
        History(parts.storage, parts.kms, store_id).OpenNewest(id);
    if (newest.ok()) {
      const size_t size = newest->has_value() ? (*newest)->document.size() : 0;
      *pause_ms += static_cast<int64_t>(size / kBytesPerMs);
      return Status();
    }
    const Status status = std::move(newest).status();
    const bool damaged = status.code() == Code::kCorruption;
    // An outage says nothing of this state.
    if (!status.unreadable() && !(parts.storage.Check().ok() && parts.kms.Check().ok()))
      return status;
    ++(damaged ? damaged_ : unreadable_);
    const char* what = damaged ? "a state is damaged" : "a state cannot be read";
    parts.log.Write(LogLevel::kError, parts.log.Begin(LogLevel::kError, what)
                                          .Str("state_id", id.hex())
                                          .Str("reason", status.detail()));
    return Status();
  }

  Walk walk_;
  uint64_t damaged_ = 0;
  uint64_t unreadable_ = 0;
  int64_t began_us_ = 0;
};

}  // namespace

std::vector<std::unique_ptr<Job>> StoreJobs() {
  std::vector<std::unique_ptr<Job>> jobs;
  jobs.push_back(std::make_unique<UntouchedJob>());
  jobs.push_back(std::make_unique<CountJob>());
  jobs.push_back(std::make_unique<PruneJob>());
  jobs.push_back(std::make_unique<ExamineJob>());
  return jobs;
}

}  // namespace stateward
