// The job `webhook`: sends the events of this host's audit trail, and those of the store where this
// host does the store's jobs, to WEBHOOK_URL (docs/webhooks.md).
#ifndef STATEWARD_HOOKS_HOOK_JOB_H_
#define STATEWARD_HOOKS_HOOK_JOB_H_

#include <memory>
#include <string>

#include "hooks/hook_settings.h"
#include "jobs/job.h"
#include "stateward/disk.h"

namespace stateward {

struct HookPlaces {
  std::string audit_file;
  std::string runtime_dir;
};

// nullptr: there is nowhere to send to. `disk` and `clock` must outlive it.
std::unique_ptr<Job> HookJob(const HookSettings& settings, const HookPlaces& places, Disk& disk,
                             const Clock& clock);

}  // namespace stateward

#endif  // STATEWARD_HOOKS_HOOK_JOB_H_
