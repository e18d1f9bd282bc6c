// A piece of work that no request does, in steps that end soon.
#ifndef STATEWARD_JOBS_JOB_H_
#define STATEWARD_JOBS_JOB_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"
#include "state/state_settings.h"
#include "state/store_gate.h"
#include "state/untouched.h"
#include "stateward/clock.h"
#include "stateward/kms.h"
#include "stateward/locker.h"
#include "stateward/status.h"
#include "stateward/storage.h"

namespace stateward {

// What jobs work on, as the settings are now.
struct JobParts {
  Storage& storage;
  Locker& locker;
  Kms& kms;
  StoreGate& gate;
  HistoryRules history;
  UploadRules uploads;
  const Clock& clock;
  const Log& log;
  Untouched* untouched = nullptr;  // nullptr: names map as in the original
};
// Null while the settings are being exchanged. Who has one keeps it alive for the step.
using JobPartsFn = std::function<std::shared_ptr<const JobParts>()>;

// Where one process does a job. Beyond a moment of hand-over it is one; a job that two do at the
// same time does no harm.
enum class JobScope : uint8_t {
  kProcess,  // each, also without RUNTIME_DIR; its failures are in the log only
  kHost,     // one of each host: the one that holds the lock in RUNTIME_DIR
  kStore,    // of those, one of all hosts of the store: the one that holds its lease
             // (jobs/store_lease.h)
};

struct JobStep {
  Status status;
  int64_t again_ms = 0;     // until the next step
  bool round_done = false;  // all there was to do is done; the next step begins a round
};

// Used by one thread. A step takes no longer than some calls of a backend.
class Job {
 public:
  virtual ~Job() = default;
  virtual std::string_view Name() const = 0;  // for metrics: a-z and _
  virtual JobScope Scope() const { return JobScope::kHost; }
  virtual JobStep Step(const JobParts& parts) = 0;
  // The next step begins a round: the settings were read again, or another process did this job.
  virtual void Restart() = 0;
  // What it counted in this round so far, by the name in metrics, with its labels and
  // without spaces.
  virtual std::map<std::string, uint64_t> Found() const { return {}; }

  // `ending`: the process is about to end, and what takes long breaks off. Given before the first
  // step; must outlive the job.
  void EndWith(const std::atomic<bool>* ending) { ending_ = ending; }
  bool Ending() const { return ending_ != nullptr && *ending_; }

 private:
  const std::atomic<bool>* ending_ = nullptr;
};

}  // namespace stateward

#endif  // STATEWARD_JOBS_JOB_H_
