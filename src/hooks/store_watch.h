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
#include "jobs/job_board.h"
#include "jobs/lock_pages.h"

namespace stateward {

// Used by one thread.
class StoreWatch {
 public:
  // `folder`: RUNTIME_DIR, whose board says whether this host does the jobs of the store.
  StoreWatch(std::string folder, uint64_t stale_lock_s)
      : folder_(std::move(folder)), stale_ms_(static_cast<int64_t>(stale_lock_s) * 1000) {}

  // What has come up, of some locks at a time; nothing on a host that does not do the jobs of the
  // store. The same again until it was Told, and once more by each process that begins.
  Result<std::vector<HookEvent>> Look(const JobParts& parts);
  void Told(const std::string& event_id) { told_.insert(event_id); }
  // All of the last Look was Told. Whether there are more locks to look at in this round.
  bool GoOn();

 private:
  Status FindStaleLocks(const JobParts& parts, std::vector<HookEvent>* out);
  void FindDamage(const JobBoard& board, int64_t now_ms, std::vector<HookEvent>* out);

  const std::string folder_;
  const int64_t stale_ms_;
  LockPages pages_;
  std::set<std::string> told_;   // ids; those that do not come up any more go with the round
  std::set<std::string> round_;  // ids that came up in this round
};

}  // namespace stateward

#endif  // STATEWARD_HOOKS_STORE_WATCH_H_
