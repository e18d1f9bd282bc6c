#include "jobs/job_runner.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "stateward/status.h"

namespace stateward {
JobRunner::JobRunner(std::string folder, std::vector<std::unique_ptr<Job>> jobs, JobPartsFn parts,
                     const Clock& clock, const Log& log)
    : folder_(std::move(folder)),
      parts_(std::move(parts)),
      clock_(clock),
      log_(log),
      lock_(folder_) {
  for (std::unique_ptr<Job>& job : jobs) {
    job->EndWith(&stop_);
    jobs_.push_back({std::move(job), 0, false, {}});
  }
  worker_ = std::thread([this] { Loop(); });
  keeper_ = std::thread([this] { KeepDuties(); });
}

JobRunner::~JobRunner() {
  {
    std::lock_guard<std::mutex> hold(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  worker_.join();
  keeper_.join();
  // The next one need not wait until it is sure that nobody is left here.
  const std::shared_ptr<const JobParts> parts = lease_held_ ? parts_() : nullptr;
  if (parts != nullptr) lease_.GiveUp(parts->storage);
  Disown();
}

void JobRunner::Restart() {
  {
    std::lock_guard<std::mutex> hold(mutex_);
    restart_ = true;
  }
  wake_.notify_all();
}

void JobRunner::KeepDuties() {
  std::unique_lock<std::mutex> hold(mutex_);
  while (!stop_) {
    hold.unlock();
    const Duties duties = Own();
    hold.lock();
    duties_ = duties;
    wake_.notify_all();
    wake_.wait_for(hold, std::chrono::milliseconds(kAskAgainMs), [this] { return stop_.load(); });
  }
}

JobRunner::Duties JobRunner::Own() {
  Duties duties;
  duties.host = OwnHost();
  duties.store = duties.host && OwnStore();
  return duties;
}

// True when the jobs of the host are done here.
bool JobRunner::OwnHost() {
  if (lock_.Holds()) return true;
  Disown();
  Result<bool> taken = lock_.Take();
  if (!taken.ok()) {
    if (!lock_complained_) log_.Warning("no jobs are done: " + taken.status().detail());
    lock_complained_ = true;
    return false;
  }
  if (!*taken) {
    NoteOtherStore();
    return false;
  }
  lock_complained_ = false;
  lease_.Begin(lock_.host());
  log_.Info("this process does the jobs of the host");
  return true;
}

void JobRunner::NoteOtherStore() {
  const std::shared_ptr<const JobParts> parts = parts_();
  if (parts == nullptr) return;
  Result<std::shared_ptr<const StoreIdentity>> store = parts->gate.Store();
  if (!store.ok()) return;
  const std::string warning = OtherStoreWarning(folder_, (*store)->store_id);
  if (!warning.empty() && !lock_complained_) log_.Warning(warning);
  lock_complained_ = !warning.empty();
}

// True when the jobs of the store are done here.
bool JobRunner::OwnStore() {
  const std::shared_ptr<const JobParts> parts = parts_();
  if (parts == nullptr) return lease_held_;
  // As in StepOf().
  Result<std::shared_ptr<const StoreIdentity>> store = parts->gate.Store();
  if (!lease_held_ && !store.ok()) return false;
  if (store.ok()) lock_.NameStore((*store)->store_id);
  const bool before = lease_held_;
  const Status status = lease_.Look(parts->storage, clock_.SteadyUs(), &lease_held_);
  const std::string trouble = status.ok() ? "" : status.detail();
  if (!trouble.empty() && trouble != lease_trouble_) {
    log_.Warning("the lease of the store's jobs: " + trouble);
  }
  lease_trouble_ = trouble;
  if (lease_held_ && !before) log_.Info("this process does the jobs of the store");
  if (!lease_held_ && before) log_.Info("another host does the jobs of the store");
  return lease_held_;
}

void JobRunner::Disown() {
  lock_.GiveUp();
  lease_held_ = false;
}

// What another process of the host did, or another host, begins here with a round.
void JobRunner::Begin(const Duties& duties) {
  if (duties.host && !on_board_) board_ = JobBoard::Read(folder_);
  on_board_ = duties.host;
  bool news = false;
  if (on_board_) {
    auto [here, made] = board_.found.try_emplace(kJobsOfStore, 0);
    news = made || here->second != static_cast<uint64_t>(duties.store);
    here->second = duties.store ? 1 : 0;
  }
  for (Due& due : jobs_) {
    const bool mine = duties.Has(due.job->Scope());
    if (mine && !due.mine) {
      due.job->Restart();
      due.at_us = 0;
    }
    if (on_board_ && !mine) news = Forget(*due.job) || news;
    due.mine = mine;
  }
  if (news) Publish();
}

// Another host counts on, and says so there.
bool JobRunner::Forget(const Job& job) {
  bool forgot = false;
  for (const auto& [name, n] : job.Found()) forgot = board_.found.erase(name) > 0 || forgot;
  return forgot;
}

int64_t JobRunner::NextUs() const {
  int64_t next = clock_.SteadyUs() + kAskAgainMs * 1000;
  for (const Due& due : jobs_) {
    if (due.mine) next = std::min(next, due.at_us);
  }
  return next;
}

void JobRunner::Loop() {
  std::unique_lock<std::mutex> hold(mutex_);
  while (!stop_) {
    const bool restart = std::exchange(restart_, false);
    const Duties duties = duties_;
    hold.unlock();
    Begin(duties);
    for (Due& due : jobs_) {
      if (stop_) break;
      if (!due.mine) continue;
      if (restart) {
        due.job->Restart();
        due.at_us = 0;
      }
      if (due.at_us <= clock_.SteadyUs()) StepOf(&due);
    }
    const int64_t wait_us = std::max<int64_t>(NextUs() - clock_.SteadyUs(), 0);
    hold.lock();
    wake_.wait_for(hold, std::chrono::microseconds(wait_us), [this, &duties] {
      return stop_ || restart_ || duties_.host != duties.host || duties_.store != duties.store;
    });
  }
}

void JobRunner::StepOf(Due* due) {
  const std::shared_ptr<const JobParts> parts = parts_();
  // No store yet, or a closed one: the start and /ready say so, and there is nothing to do.
  if (parts == nullptr || !parts->gate.Store().ok()) {
    due->at_us = clock_.SteadyUs() + kAskAgainMs * 1000;
    return;
  }
  const JobStep step = due->job->Step(*parts);
  // It may have broken off (Job::Ending), and then says nothing of the store.
  if (stop_) return;
  const int64_t again_ms = step.status.ok()
                               ? step.again_ms
                               : std::min(kAfterFailureMs, std::max<int64_t>(step.again_ms, 1000));
  due->at_us = clock_.SteadyUs() + again_ms * 1000;
  if (due->job->Scope() == JobScope::kProcess) return NoteTrouble(due, step.status);
  const std::map<std::string, uint64_t> found = due->job->Found();
  if (step.status.ok() && !step.round_done) return NoteMore(found);
  JobRecord& record = board_.jobs[std::string(due->job->Name())];
  record.last_run_ms = clock_.NowMs();
  if (step.status.ok()) {
    ++record.runs;
    record.last_success_ms = record.last_run_ms;
  } else {
    ++record.failures;
    LogFailure(*due->job, step.status);
  }
  if (step.round_done) {
    ForgetOthers(found);
    for (const auto& [name, n] : found) board_.found[name] = n;
  }
  Publish();
}

// What a job counts under other labels than in the round before is gone.
void JobRunner::ForgetOthers(const std::map<std::string, uint64_t>& found) {
  for (auto it = board_.found.begin(); it != board_.found.end();) {
    const bool same = std::any_of(found.begin(), found.end(), [&](const auto& now) {
      return SeriesName(now.first) == SeriesName(it->first);
    });
    it = same && found.count(it->first) == 0 ? board_.found.erase(it) : std::next(it);
  }
}

void JobRunner::LogFailure(const Job& job, const Status& status) const {
  log_.Write(LogLevel::kWarning, log_.Begin(LogLevel::kWarning, "a job failed")
                                     .Str("job", job.Name())
                                     .Str("reason", status.detail()));
}

// Each process does it: the same trouble is said once.
void JobRunner::NoteTrouble(Due* due, const Status& status) {
  const std::string trouble = status.ok() ? "" : status.detail();
  if (!trouble.empty() && trouble != due->trouble) LogFailure(*due->job, status);
  due->trouble = trouble;
}

// In the middle of a round only what is more than was known counts.
void JobRunner::NoteMore(const std::map<std::string, uint64_t>& found) {
  bool more = false;
  for (const auto& [name, n] : found) {
    if (n <= board_.found[name]) continue;
    board_.found[name] = n;
    more = true;
  }
  if (more) Publish();
}

void JobRunner::Publish() {
  const Status written = board_.Write(folder_);
  if (!written.ok() && !complained_) log_.Warning("jobs: " + written.detail());
  complained_ = !written.ok();
}

}  // namespace stateward
