// Does the jobs in one process of a host: whoever holds the lock in RUNTIME_DIR. The kernel gives
// the lock up with the process, however it ends, so another one goes on within kAskAgainMs. It
// needs no supervisor.
#ifndef STATEWARD_JOBS_JOB_RUNNER_H_
#define STATEWARD_JOBS_JOB_RUNNER_H_

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "jobs/job.h"
#include "jobs/job_board.h"
#include "stateward/clock.h"

namespace stateward {

// Thread-safe.
class JobRunner {
 public:
  // How often a process that does no jobs asks for the lock, and how often the one that does them
  // makes sure that the file it holds is still the one that others ask for.
  static constexpr int64_t kAskAgainMs = 2000;
  // A job that failed is tried again so much later, or at its own time if that is sooner.
  static constexpr int64_t kAfterFailureMs = 60000;

  // Starts a thread. `folder`: RUNTIME_DIR; without it no jobs are done, and the log says so.
  // What the references and `parts` lead to must outlive it.
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
  };
  void Loop();
  bool Own();
  void Disown();
  void StepOf(Due* due);
  void NoteMore(const std::map<std::string, uint64_t>& found);
  void Publish();
  int64_t NextUs() const;

  const std::string folder_;
  const JobPartsFn parts_;
  const Clock& clock_;
  const Log& log_;
  std::vector<Due> jobs_;  // the thread's alone, as what follows
  JobBoard board_;
  int lock_fd_ = -1;  // >= 0: the jobs are done here
  bool complained_ = false;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  bool restart_ = false;
  std::thread thread_;
};

}  // namespace stateward

#endif  // STATEWARD_JOBS_JOB_RUNNER_H_
