// Events that no line of the audit trail tells of: a lock that is held for too long, and damage
// that the job `examine` found.
#ifndef STATEWARD_HOOKS_STORE_WATCH_H_
#define STATEWARD_HOOKS_STORE_WATCH_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "hooks/hook_event.h"
#include "jobs/job.h"

namespace stateward {

// Used by one thread.
class StoreWatch {
 public:
  // `folder`: RUNTIME_DIR, whose board says whether this host does the jobs of the store.
  StoreWatch(std::string folder, uint64_t stale_lock_s)
      : folder_(std::move(folder)), stale_ms_(static_cast<int64_t>(stale_lock_s) * 1000) {}

  // What has come up; nothing on a host that does not do the jobs of the store. The same again
  // until it was Told, and once more by each process that begins.
  Result<std::vector<HookEvent>> Look(const JobParts& parts);
  void Told(const std::string& event_id) { told_.insert(event_id); }

 private:
  Status FindStaleLocks(const JobParts& parts, std::vector<HookEvent>* out);

  const std::string folder_;
  const int64_t stale_ms_;
  std::set<std::string> told_;  // ids
};

}  // namespace stateward

#endif  // STATEWARD_HOOKS_STORE_WATCH_H_
