// Does the jobs in one process of a host: the one that holds the lock in RUNTIME_DIR. The kernel
// gives the lock up with the process, however it ends, so another one goes on within kAskAgainMs.
// Jobs that one of the whole store must do want the store's lease as well. It needs no supervisor.
#ifndef STATEWARD_JOBS_JOB_RUNNER_H_
#define STATEWARD_JOBS_JOB_RUNNER_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "jobs/host_lock.h"
#include "jobs/job.h"
#include "jobs/job_board.h"
#include "jobs/store_lease.h"
#include "stateward/clock.h"

namespace stateward {

// Thread-safe.
class JobRunner {
 public:
  // How often a process that does no jobs asks for the lock, and how often the one that does them
  // makes sure that the file it holds is still the one that others ask for.
  static constexpr int64_t kAskAgainMs = StoreLease::kLookMs;
  // A job that failed is tried again so much later, or at its own time if that is sooner.
  static constexpr int64_t kAfterFailureMs = 60000;

  // Starts two threads: a long step keeps nobody from looking after the lease. `folder`:
  // RUNTIME_DIR; without it only each process's own jobs are done, and the log says so. What the
  // references and `parts` lead to must outlive it.
  JobRunner(std::string folder, std::vector<std::unique_ptr<Job>> jobs, JobPartsFn parts,
            const Clock& clock, const Log& log);
  // Waits for the step under way.
  ~JobRunner();
  JobRunner(const JobRunner&) = delete;
  JobRunner& operator=(const JobRunner&) = delete;

  // The settings were read again: each job begins its round now, where they are done.
  void Restart();

 private:
  struct Due {
    std::unique_ptr<Job> job;
    int64_t at_us = 0;
    bool mine = false;    // it is done here
    std::string trouble;  // of a process's own job: what the log has
  };
  // What this process is to do.
  struct Duties {
    bool host = false;
    bool store = false;
    bool Has(JobScope scope) const {
      return scope == JobScope::kProcess || (scope == JobScope::kStore ? store : host);
    }
  };
  void KeepDuties();
  void Loop();
  Duties Own();
  bool OwnHost();
  bool OwnStore();
  void NoteOtherStore();
  void Disown();
  void Begin(const Duties& duties);
  bool Forget(const Job& job);
  void StepOf(Due* due);
  void LogFailure(const Job& job, const Status& status) const;
  void NoteTrouble(Due* due, const Status& status);
  void ForgetOthers(const std::map<std::string, uint64_t>& found);
  void NoteMore(const std::map<std::string, uint64_t>& found);
  void Publish();
  int64_t NextUs() const;

  const std::string folder_;
  const JobPartsFn parts_;
  const Clock& clock_;
  const Log& log_;
  // Of the thread that does the jobs.
  std::vector<Due> jobs_;
  JobBoard board_;
  bool on_board_ = false;  // the board is this process's to write
  bool complained_ = false;
  // Of the thread that keeps the duties.
  HostLock lock_;
  StoreLease lease_;
  bool lease_held_ = false;
  std::string lease_trouble_;  // that the log has
  bool lock_complained_ = false;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> stop_{false};
  bool restart_ = false;
  Duties duties_;
  std::thread keeper_;
  std::thread worker_;
};

}  // namespace stateward

#endif  // STATEWARD_JOBS_JOB_RUNNER_H_
