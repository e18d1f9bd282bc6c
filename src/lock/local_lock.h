// Locks in files of this host, shared by any number of processes; they survive all of them.
//
// <dir>/lock-service names the service; <dir>/<id[0:2]>/<id> is one file for each state that was
// ever locked, <dir>/gates holds the gates. The flock on that file makes each step atomic; the
// kernel gives it up when a process dies. A file is never renamed, and removed only while its state
// was never locked.
#ifndef STATEWARD_LOCK_LOCAL_LOCK_H_
#define STATEWARD_LOCK_LOCAL_LOCK_H_

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/marked_folder.h"
#include "base/process.h"
#include "lock/lock_book.h"
#include "lock/lock_file.h"
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
  void Expect(const std::string& service_id) override;
  Result<std::string> InitService(bool forgotten) override;
  Result<AcquireOutcome> Acquire(const LockKey& key, const LockRecord& want,
                                 const LockTerms& terms) override;
  Result<ReleaseOutcome> Release(const LockKey& key, const ReleaseRequest& request) override;
  Result<LockView> Look(const LockKey& key) override;
  Result<bool> TokenReleased(const StateId& id, const std::string& token_sha256) override;
  Status BurnNext(const LockKey& key) override;
  Status WithLock(const LockKey& key, const WriteFn& write) override;
  bool HoldsStill() const override { return true; }
  Status EachHeldAfter(const StateId& after, const EachHeldFn& each) override;
  Status EachKnown(const std::function<bool(const StateId&)>& each) override;
  Result<HeldCount> CountHeld() override;
  Result<std::vector<LockDamage>> Damage(const StateId& id) override;
  Status RepairDamage(const StateId& id) override;
  Status Check() override;
  std::string Warning() override;
  Result<GateSet> ReadGates() override;
  Result<bool> ExchangeGates(const std::string& expected, const std::vector<Gate>& next) override;

 private:
  // The state's file with its flock, and what it says.
  struct Held {
    MarkedFolder::Root root;
    Fd file;  // none: there is no such file, and nothing was ever locked
    LockSlot slot;
    LockBook book;
  };
  Result<Held> Open(const StateId& id, bool make);
  Result<MarkedFolder::Root> OpenService();
  Result<Fd> MakeFile(int root, const StateId& id);
  bool HasName(int root, const std::string& path, int fd);
  // Calls `each` for the file of each state, in the order of ids, until it returns false.
  Status EachFile(
      const StateId& after,
      const std::function<bool(const StateId& id, int dir, const std::string& name)>& each);
  // The record of a file, read without its flock: one that is being written is not whole, and the
  // other one counts.
  Result<std::vector<LockRecord>> Peek(int dir, const std::string& name);
  void Forget(LockBook* book);
  // What the locks remember of the states' records no longer counts, and each state's next LOCK
  // takes a number away. Locks that are held stay.
  Status ForgetRecords();
  void Discard(const StateId& id, const Held& held);
  Status SyncFolders(const StateId& id, const Held& held);
  Status Store(const StateId& id, Held* held, size_t released);
  Status Settle(const Held& held);
  Status AddReleased(Held* held, const std::string& lock_id);
  Result<std::string> GateText(int root);
  Result<GateSet> GatesIn(int root);
  // nullopt: the gates do not keep this lock from being given.
  Result<std::optional<AcquireOutcome>> AskGates(const Held& held, const GateTicket& ticket);
  Status WaitForSteps(int root);

  Disk& disk_;
  const Clock& clock_;
  const std::string dir_;
  MarkedFolder folder_;
  std::mutex service_mutex_;
  std::string service_id_;  // as seen first; every later look must find the same
  std::atomic<bool> forgot_{false};
  LifeWatch writers_;
};

}  // namespace stateward

#endif  // STATEWARD_LOCK_LOCAL_LOCK_H_
