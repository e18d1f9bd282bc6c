#include "jobs/watch_jobs.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "jobs/lock_pages.h"
#include "jobs/walk.h"

namespace stateward {
namespace {

constexpr int64_t kMinuteMs = int64_t{60} * 1000;
constexpr int64_t kHourMs = 60 * kMinuteMs;

class KeyFactsJob : public Job {
 public:
  std::string_view Name() const override { return "key"; }
  void Restart() override {}
  std::map<std::string, uint64_t> Found() const override { return found_; }
  JobStep Step(const JobParts& parts) override {
    Result<std::vector<std::string>> ids = parts.kms.KeyIds();
    if (!ids.ok()) return {std::move(ids).status(), kMinuteMs, false};
    found_.clear();
    if (!ids->empty()) found_["stateward_key_info{key=\"" + ids->front() + "\"}"] = 1;
    found_["stateward_key_credentials_end_timestamp_seconds"] =
        static_cast<uint64_t>(std::max<int64_t>(parts.kms.CredentialEndsMs(), 0) / 1000);
    return {Status(), kMinuteMs, true};
  }

 private:
  std::map<std::string, uint64_t> found_;
};

class LocksJob : public Job {
 public:
  std::string_view Name() const override { return "locks"; }
  JobScope Scope() const override { return JobScope::kStore; }
  void Restart() override { Begin(); }
  std::map<std::string, uint64_t> Found() const override { return found_; }
  JobStep Step(const JobParts& parts) override {
    if (!pages_.begun()) Begin();
    const Status looked =
        pages_.Next(parts.locker, [this](const StateId&, const Result<LockRecord>& holder) {
          ++kinds_[holder.ok() ? KindOf(*holder) : "unreadable"];
          const int64_t time_ms = holder.ok() ? holder->time_ms : 0;
          if (time_ms > 0 && (oldest_ms_ == 0 || time_ms < oldest_ms_)) oldest_ms_ = time_ms;
        });
    if (!looked.ok()) {
      Begin();
      return {looked, kMinuteMs, false};
    }
    pages_.GoOn();
    if (pages_.begun()) return {Status(), kPauseMs, false};
    found_.clear();
    for (const auto& [kind, n] : kinds_) found_["stateward_locks{kind=\"" + kind + "\"}"] = n;
    const int64_t age_ms = oldest_ms_ == 0 ? 0 : parts.clock.NowMs() - oldest_ms_;
    found_["stateward_oldest_lock_age_seconds"] =
        static_cast<uint64_t>(std::max<int64_t>(age_ms, 0) / 1000);
    return {Status(), kMinuteMs, true};
  }

 private:
  static constexpr int64_t kPauseMs = 500;

  void Begin() {
    pages_.Reset();
    oldest_ms_ = 0;
    kinds_ = {{"plan", 0}, {"apply", 0}, {"other", 0}, {"unreadable", 0}};
  }
  static std::string KindOf(const LockRecord& holder) {
    if (AsksForPlan(holder)) return "plan";
    return holder.operation == "OperationTypeApply" ? "apply" : "other";
  }

  LockPages pages_;
  int64_t oldest_ms_ = 0;  // of this round; 0: none
  std::map<std::string, uint64_t> kinds_;
  std::map<std::string, uint64_t> found_;  // of the last whole round
};

class TotalsJob : public Job {
 public:
  std::string_view Name() const override { return "totals"; }
  JobScope Scope() const override { return JobScope::kStore; }
  void Restart() override { walk_.Reset(); }
  std::map<std::string, uint64_t> Found() const override { return found_; }
  JobStep Step(const JobParts& parts) override {
    if (!walk_.running()) {
      const Status begun = Begin(parts);
      if (!begun.ok()) return {begun, kHourMs, false};
    }
    const Status listed = walk_.GoOn(parts.storage, *this);
    if (!listed.ok()) return Failed(listed);
    std::vector<StateId> ids;
    for (; ids.size() < kBatch && walk_.Next() != nullptr; walk_.Advance()) {
      ids.push_back(*walk_.Next());
    }
    const Status added = ids.empty() ? Status() : Add(parts.storage, ids);
    if (!added.ok()) return Failed(added);
    if (!walk_.Done()) return {Status(), kPauseMs, false};
    walk_.Reset();
    found_ = round_;
    return {Status(), kHourMs, true};
  }

 private:
  static constexpr size_t kBatch = 25;
  static constexpr int64_t kPauseMs = 500;

  JobStep Failed(const Status& why) {
    walk_.Reset();
    return {why, kHourMs, false};
  }

  Status Begin(const JobParts& parts) {
    Result<std::vector<KeptUpload>> uploads = parts.storage.ListUploads();
    if (!uploads.ok()) return std::move(uploads).status();
    walk_.Begin();
    round_ = {{"stateward_stored_versions", 0},
              {"stateward_kept_uploads", uploads->size()},
              {"stateward_kept_upload_bytes", 0}};
    for (const KeptUpload& upload : *uploads) round_["stateward_kept_upload_bytes"] += upload.size;
    return Status();
  }

  Status Add(Records& records, const std::vector<StateId>& ids) {
    for (const StateId& id : ids) {
      Result<Records::EndPage> page = records.Ends(id.hex());
      if (!page.ok()) return std::move(page).status();
      std::optional<uint64_t> listed;
      for (const Records::End& end : page->ends) {
        round_["stateward_stored_versions"] += end.records;
        listed = end.bytes;
      }
      Result<std::optional<uint64_t>> bytes = listed;
      if (!listed) bytes = records.StoredBytes(id);
      if (!bytes.ok()) return std::move(bytes).status();
      // A backend that knows it of one state knows it of all.
      if (bytes->has_value()) round_["stateward_stored_bytes"] += **bytes;
    }
    return Status();
  }

  Walk walk_;
  std::map<std::string, uint64_t> round_;  // what is counted so far
  std::map<std::string, uint64_t> found_;  // of the last whole round
};

}  // namespace

std::vector<std::unique_ptr<Job>> WatchJobs() {
  std::vector<std::unique_ptr<Job>> jobs;
  jobs.push_back(std::make_unique<KeyFactsJob>());
  jobs.push_back(std::make_unique<LocksJob>());
  jobs.push_back(std::make_unique<TotalsJob>());
  return jobs;
}

}  // namespace stateward
