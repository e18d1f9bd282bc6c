// Removes versions that neither HISTORY_KEEP nor HISTORY_DAYS keeps. The job `prune` does it
// (jobs/store_jobs.h), and the operation of that name.
#ifndef STATEWARD_STATE_PRUNER_H_
#define STATEWARD_STATE_PRUNER_H_

#include <algorithm>
#include <cstdint>
#include <string>

#include "history/upload_keeper.h"
#include "state/state_settings.h"
#include "stateward/clock.h"
#include "stateward/kms.h"
#include "stateward/locker.h"
#include "stateward/result.h"
#include "stateward/state.h"
#include "stateward/storage.h"

namespace stateward {

// A record above one that stays is removed only when it is so old: a storage may take the one below
// the gap for the newest for a while after it was (FsStorage::kTrustedUs). So is any record where a
// write may be late (state/late_writes.h).
constexpr int64_t kGapMs = 60LL * 60 * 1000;

// When a record came to this store: its age counts from then.
inline int64_t TakenAt(const VersionInfo& version) {
  return std::max(version.time_ms, version.imported_ms);
}

// Removes what `rules` do not keep of one state, and says how many records; never the newest
// record, nor the version that it names, nor anything that cannot be read. `unreadable` is told the
// oldest such record that was looked at, and why it does not open; OK: there was none. It stops
// nothing but its own removal.
Result<uint64_t> PruneState(Storage& storage, const Locker& locker, Kms& kms, const Clock& clock,
                            const HistoryRules& rules, const std::string& store_id,
                            const StateId& id, PruneHow how = PruneHow::kRemove,
                            Status* unreadable = nullptr);

}  // namespace stateward

#endif  // STATEWARD_STATE_PRUNER_H_
