// Removes versions that neither HISTORY_KEEP nor HISTORY_DAYS keeps, beside the requests.
#ifndef STATEWARD_STATE_PRUNER_H_
#define STATEWARD_STATE_PRUNER_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "base/log.h"
#include "history/upload_keeper.h"
#include "state/state_settings.h"
#include "stateward/clock.h"
#include "stateward/kms.h"
#include "stateward/result.h"
#include "stateward/state.h"
#include "stateward/storage.h"

namespace stateward {

struct Pruned {
  uint64_t removed = 0;
  // Before this time (milliseconds since 1970) a look will find nothing more; 0: unknown.
  int64_t nothing_before_ms = 0;
};

// Removes what `rules` do not keep of one state; never the newest record, nor the version that
// it names, nor anything that cannot be read.
Result<Pruned> PruneState(Storage& storage, Kms& kms, const Clock& clock, const HistoryRules& rules,
                          const std::string& store_id, const StateId& id,
                          PruneHow how = PruneHow::kRemove);

// A thread that prunes the states it is told of. Thread-safe.
class Pruner {
 public:
  // Beyond it a state waits for its next write.
  static constexpr size_t kMaxQueued = 1024;
  // About 120 bytes each; one that was forgotten only costs a look.
  static constexpr size_t kMaxRemembered = 4096;

  Pruner(Storage& storage, Kms& kms, const Clock& clock, const HistoryRules& rules, const Log& log);
  ~Pruner();
  Pruner(const Pruner&) = delete;
  Pruner& operator=(const Pruner&) = delete;

  // Never blocks. Call it when a version beyond the first `keep` was written. Most calls do
  // nothing: listing a long history costs more than writing a version.
  void Enqueue(const std::string& store_id, const StateId& id);

 private:
  struct Job {
    std::string store_id;
    StateId id;
  };
  void Loop();
  void NoteResult(const Job& job, const Result<Pruned>& pruned);

  Storage& storage_;
  Kms& kms_;
  const Clock& clock_;
  const HistoryRules rules_;
  const Log& log_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  std::unordered_map<std::string, int64_t> nothing_before_ms_;  // by state id
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace stateward

#endif  // STATEWARD_STATE_PRUNER_H_
