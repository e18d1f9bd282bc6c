#include "jobs/job_runner.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "stateward/status.h"

namespace stateward {
namespace {

constexpr char kLock[] = "/jobs.lock";

bool IsThatFile(int fd, const std::string& path) {
  struct stat held {};
  struct stat named {};
  return fstat(fd, &held) == 0 && lstat(path.c_str(), &named) == 0 && held.st_dev == named.st_dev &&
         held.st_ino == named.st_ino;
}

}  // namespace

JobRunner::JobRunner(std::string folder, std::vector<std::unique_ptr<Job>> jobs, JobPartsFn parts,
                     const Clock& clock, const Log& log)
    : folder_(std::move(folder)), parts_(std::move(parts)), clock_(clock), log_(log) {
  for (std::unique_ptr<Job>& job : jobs) jobs_.push_back({std::move(job), 0});
  thread_ = std::thread([this] { Loop(); });
}

JobRunner::~JobRunner() {
  {
    std::lock_guard<std::mutex> hold(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
  Disown();
}

void JobRunner::Restart() {
  {
    std::lock_guard<std::mutex> hold(mutex_);
    restart_ = true;
  }
  wake_.notify_all();
}

// True when the jobs are done here.
bool JobRunner::Own() {
  const std::string path = folder_ + kLock;
  if (lock_fd_ >= 0 && IsThatFile(lock_fd_, path)) return true;
  Disown();
  // Not inherited by anybody: the lock lives as long as this process.
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    if (!complained_) log_.Warning("no jobs are done: " + FromErrno(path, errno).detail());
    complained_ = true;
    return false;
  }
  if (flock(fd, LOCK_EX | LOCK_NB) != 0 || !IsThatFile(fd, path)) {
    close(fd);
    return false;
  }
  complained_ = false;
  lock_fd_ = fd;
  const std::string pid = std::to_string(getpid()) + "\n";  // for who looks into the folder
  if (ftruncate(fd, 0) == 0 && pwrite(fd, pid.data(), pid.size(), 0) < 0) complained_ = true;
  board_ = JobBoard::Read(folder_);
  for (Due& due : jobs_) {
    due.job->Restart();
    due.at_us = 0;
  }
  log_.Info("this process does the jobs of the host");
  return true;
}

void JobRunner::Disown() {
  if (lock_fd_ >= 0) close(lock_fd_);
  lock_fd_ = -1;
}

int64_t JobRunner::NextUs() const {
  int64_t next = clock_.SteadyUs() + kAskAgainMs * 1000;
  if (lock_fd_ < 0) return next;
  for (const Due& due : jobs_) next = std::min(next, due.at_us);
  return next;
}

void JobRunner::Loop() {
  std::unique_lock<std::mutex> hold(mutex_);
  while (!stop_) {
    const bool restart = std::exchange(restart_, false);
    hold.unlock();
    if (Own()) {
      for (Due& due : jobs_) {
        if (restart) {
          due.job->Restart();
          due.at_us = 0;
        }
        if (due.at_us <= clock_.SteadyUs()) StepOf(&due);
      }
    }
    const int64_t wait_us = std::max<int64_t>(NextUs() - clock_.SteadyUs(), 0);
    hold.lock();
    wake_.wait_for(hold, std::chrono::microseconds(wait_us), [this] { return stop_ || restart_; });
  }
}

void JobRunner::StepOf(Due* due) {
  const std::shared_ptr<const JobParts> parts = parts_();
  JobStep step{Status::Unavailable("the settings are being exchanged"), kAskAgainMs, false};
  if (parts != nullptr) step = due->job->Step(*parts);
  const int64_t again_ms = step.status.ok()
                               ? step.again_ms
                               : std::min(kAfterFailureMs, std::max<int64_t>(step.again_ms, 1000));
  due->at_us = clock_.SteadyUs() + again_ms * 1000;
  if (parts == nullptr) return;
  const std::map<std::string, uint64_t> found = due->job->Found();
  if (step.status.ok() && !step.round_done) return NoteMore(found);
  JobRecord& record = board_.jobs[std::string(due->job->Name())];
  record.last_run_ms = clock_.NowMs();
  if (step.status.ok()) {
    ++record.runs;
    record.last_success_ms = record.last_run_ms;
  } else {
    ++record.failures;
    log_.Write(LogLevel::kWarning, log_.Begin(LogLevel::kWarning, "a job failed")
                                       .Str("job", due->job->Name())
                                       .Str("reason", step.status.detail()));
  }
  if (step.round_done) {
    for (const auto& [name, n] : found) board_.found[name] = n;
  }
  Publish();
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
