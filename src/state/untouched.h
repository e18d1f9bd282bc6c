// How many blobs of the original are untouched: nobody here has claimed them, so a state may lie in
// them whose name and secret only its owner knows. While there are any, an absent name is none to
// people who got new identities (docs/policy.md, "States from before").
//
// One process of a host counts once a minute and tells the others by a file in RUNTIME_DIR; without
// such a folder each counts for itself. What is told is of one store, by its id. That there are
// none left a process believes only when it has counted so itself: the folder may serve another
// store, or a copy of this one, and an absent name becomes 404 by it. No request costs a listing.
// That the blobs are not theirs is said once for the store (`statewardctl adopt --done`), by a
// claim (docs/formats.md, "Claims").
//
// Thread-safe. What it is given must outlive it.
#ifndef STATEWARD_STATE_UNTOUCHED_H_
#define STATEWARD_STATE_UNTOUCHED_H_

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "state/store_gate.h"
#include "stateward/clock.h"
#include "stateward/disk.h"
#include "stateward/name_claims.h"
#include "stateward/result.h"

namespace stateward {

// By a listing of the place.
Result<uint64_t> CountUntouched(NameClaims& claims);
// That they are not anybody's here. For ever.
Status MarkUntouchedDone(NameClaims& claims);

class Untouched {
 public:
  // `runtime_dir`: "" = nobody is told. Nor is anybody while `gate` does not know the store.
  Untouched(NameClaims& claims, StoreGate& gate, Disk& disk, const Clock& clock,
            std::string runtime_dir);
  Untouched(const Untouched&) = delete;
  Untouched& operator=(const Untouched&) = delete;

  // How old a count may become: the job `untouched` (jobs/store_jobs.h) looks so often.
  static constexpr int64_t kEveryMs = int64_t{60} * 1000;
  // Counts if no process of this host has since then; why that failed.
  Status CountIfDue();
  // Counts now, and tells the host's other processes.
  Result<uint64_t> Recount();

  // How many as counted last, 0 also when they do not matter any more; waits for the first count,
  // but not long. kUnavailable: not counted yet, or they cannot be counted; the detail says why.
  Result<uint64_t> Holding();
  // For the log and for /ready: how many hold names, or why that is not known; "" = none.
  std::string Warning();
  // What the processes of a host counted last, in the folder of Share; nullopt: nothing.
  static std::optional<uint64_t> Shared(Disk& disk, const std::string& runtime_dir);

  // That MarkUntouchedDone was called.
  Result<bool> IsDone();

 private:
  struct Seen {
    std::string store_id;
    int64_t time_ms = 0;  // 0: never
    std::optional<uint64_t> count;
    std::string failure;
  };
  static bool Read(Disk& disk, const std::string& runtime_dir, Seen* seen);
  std::string StoreId();  // "" = not known
  // Takes what another process counted, if that is newer and may be believed. REQUIRES: mutex_.
  void ReadShared(const std::string& store_id);
  void Share(const Seen& seen);
  bool Fresh(const Seen& seen) const;

  NameClaims& claims_;
  StoreGate& gate_;
  Disk& disk_;
  const Clock& clock_;
  const std::string runtime_dir_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Seen seen_;
  bool none_left_ = false;  // as this process counted
  int64_t shared_read_us_ = 0;
  const int64_t since_ms_;  // a count before that may be of another place: of one before a restart
  bool done_ = false;       // the claim was seen
};

}  // namespace stateward

#endif  // STATEWARD_STATE_UNTOUCHED_H_
