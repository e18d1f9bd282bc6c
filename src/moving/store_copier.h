// Moves a whole store to another place, while servers run. It keeps its identity, so never both
// places are open:
//
//   1. the target is made, closed ("being copied from …");
//   2. passes, until little is missing; servers work;
//   3. no lock is held: the source is closed ("being moved to …"). Every server answers 503;
//   4. when all servers know that, and still no lock is held, the last pass compares everything.
//      What came while it ran is taken, until nothing comes any more. A server whose write took
//      longer than servers need to know that looks at the identity file before it acknowledges it;
//   5. the source is closed for good ("moved to …"), durably;
//   6. the target opens, with its own lock service as a new epoch.
//
// A run that was killed is gone on from by the next one, which finds out by the two identity files
// where it was. It opens no target but one that waits for this source, and none that has what the
// source has not: a source that was restored from an older backup, or a target that was written to
// since, would mix two histories of one state. That is looked for before anything is closed, and
// in the last pass. Used by one thread. What it
// is given must outlive it.
#ifndef STATEWARD_MOVING_STORE_COPIER_H_
#define STATEWARD_MOVING_STORE_COPIER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "moving/store_pass.h"
#include "stateward/how_to_open.h"
#include "stateward/kms.h"
#include "stateward/locker.h"
#include "stateward/storage.h"

namespace stateward {

struct CopyParts {
  Storage& from;
  Locker& from_locks;
  Storage& to;
  Locker& to_locks;
  Kms& to_kms;
  std::string
      from_place;  // "fs /var/lib/stateward/states": one line, for people and identity files
  std::string to_place;
  int64_t settle_ms = 0;  // after which every server knows that the source is closed, and no write
                          // that it still acknowledges is on its way
  int64_t wait_ms = 0;    // so long locks are waited for
  std::function<void(int64_t ms)> sleep;
  std::function<void(const std::string&)> say;  // what it does now, a line for people
  std::function<void(uint64_t, uint64_t)> progress;
};

class StoreCopier {
 public:
  explicit StoreCopier(CopyParts parts) : parts_(std::move(parts)) {}

  // OK also when a run before this one came to the end. kLocked: locks are held, the text names
  // them; the source is open. kConflict: source or target is something else, or is closed for
  // another reason than this copy. kInvalidArgument: the target's keys are not the store's; nothing
  // was closed.
  Result<PassCounts> Run();
  // Opens a source again that step 3 closed. kConflict: it is not so, or it has moved.
  Status GiveUp();

 private:
  struct Places {
    StoreIdentity from;
    StoreIdentity to;
  };
  Result<Places> Begin();
  Status CheckTarget(const StoreIdentity& from, StoreIdentity* to);
  Status CheckKeys(const StoreIdentity& from);
  Status LookAtTarget(const StoreIdentity& from);
  // Of what the target has and the source has not.
  OtherWriteFn OtherWrites(const std::string& store_id);
  Status NameAhead(const PassCounts& seen, const std::string& store_id, const std::string& now);
  Result<PassCounts> LastPass(const StoreIdentity& from);
  Status AwaitNoLocks();
  Result<std::vector<std::string>> Held();
  Status Close(StoreIdentity* from);
  Status Reopen(const StoreIdentity& from);
  Status Settle(const StoreIdentity& from);
  Result<PassCounts> AwaitStill();
  Status CarryGates(const GateSet& gates);
  Status Open(const StoreIdentity& to);
  std::string MovedText() const { return std::string(kWhyMoved) + parts_.to_place; }
  std::string MovingText() const { return std::string(kWhyMoving) + parts_.to_place; }
  std::string CopiedText() const { return std::string(kWhyCopied) + parts_.from_place; }

  const CopyParts parts_;
};

}  // namespace stateward

#endif  // STATEWARD_MOVING_STORE_COPIER_H_
