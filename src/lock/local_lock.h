// Locks in files of this host, shared by any number of processes; they survive all of them.
//
// <dir>/lock-service names the service; <dir>/<id[0:2]>/<id> is one slot file for each state that
// was ever locked. The flock on that file, which is never renamed or removed, makes each step
// atomic; the kernel gives it up when a process dies.
#ifndef STATEWARD_LOCK_LOCAL_LOCK_H_
#define STATEWARD_LOCK_LOCAL_LOCK_H_

#include <mutex>
#include <string>

#include "base/files.h"
#include "base/marked_folder.h"
#include "lock/lock_book.h"
#include "lock/slot_file.h"
#include "stateward/clock.h"
#include "stateward/disk.h"
#include "stateward/locker.h"

namespace stateward {

class LocalLock : public Locker {
 public:
  // `disk` and `clock` must outlive it. Touches nothing yet.
  LocalLock(Disk& disk, const Clock& clock, std::string dir);

  std::string_view Name() const override { return "local"; }
  Result<std::string> ServiceId() override;
  // `forgotten` does not matter here: whoever wrote under other locks is to be stopped before.
  Result<std::string> InitService(bool forgotten) override;
  Result<AcquireOutcome> Acquire(const LockKey& key, const LockRecord& want,
                                 const BaseFn& base) override;
  Result<ReleaseOutcome> Release(const LockKey& key, const ReleaseRequest& request) override;
  Result<LockView> Look(const LockKey& key) override;
  Result<bool> TokenReleased(const StateId& id, const std::string& token_sha256) override;
  Status BurnNext(const LockKey& key) override;
  Status WithLock(const LockKey& key, const std::function<void(const LockView&)>& write) override;
  bool HoldsStill() const override { return true; }
  Result<uint64_t> CountHeld() override;
  Status Check() override;

 private:
  // The state's file with its flock, and what it says.
  struct Held {
    Fd fd;
    Slot slot;
    LockBook book;
  };
  Result<Held> Open(const StateId& id);
  Result<MarkedFolder::Root> OpenService();
  Result<Fd> MakeFile(int root, const StateId& id);
  Status SyncFolders(const StateId& id);
  Status Store(const StateId& id, Held* held);
  Status Settle(const Held& held);

  Disk& disk_;
  const Clock& clock_;
  const std::string dir_;
  MarkedFolder folder_;
  std::mutex service_mutex_;
  std::string service_id_;  // as seen first; every later look must find the same
};

}  // namespace stateward

#endif  // STATEWARD_LOCK_LOCAL_LOCK_H_
