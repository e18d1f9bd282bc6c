// Locks as objects in a bucket, one for each state that was ever locked, without any other service
// (docs/lock.md, "s3"). Each step reads the object and exchanges it on condition that it still is
// what was read (If-Match on its ETag; If-None-Match for the first). A free lock is an object that
// says so, never one that was deleted: not every S3 service makes a DELETE conditional.
#ifndef STATEWARD_LOCK_S3_LOCK_H_
#define STATEWARD_LOCK_S3_LOCK_H_

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "lock/s3_lock_memory.h"
#include "s3/s3_client.h"
#include "s3/s3_landmark.h"
#include "stateward/clock.h"
#include "stateward/locker.h"

namespace stateward {

class S3Lock : public Locker {
 public:
  // `prefix` is in front of every key, whatever the client's settings say; it ends with '/'.
  // `clock` must outlive it. Asks nobody yet.
  S3Lock(std::unique_ptr<S3Client> client, const Clock& clock, std::string prefix);

  std::string_view Name() const override { return "s3"; }
  Result<std::string> ServiceId() override;
  Result<std::string> InitService(bool forgotten) override;
  Result<AcquireOutcome> Acquire(const LockKey& key, const LockRecord& want,
                                 const LockTerms& terms) override;
  Result<ReleaseOutcome> Release(const LockKey& key, const ReleaseRequest& request) override;
  Result<LockView> Look(const LockKey& key) override;
  Status BurnNext(const LockKey& key) override;
  Result<bool> TokenReleased(const StateId& id, const std::string& token_sha256) override;
  Status WithLock(const LockKey& key, const WriteFn& write) override;
  bool HoldsStill() const override { return false; }
  Status EachHeldAfter(const StateId& after, const EachHeldFn& each) override;
  Status EachKnown(const std::function<bool(const StateId&)>& each) override;
  Result<HeldCount> CountHeld() override;
  Status Check() override;
  Result<GateSet> ReadGates() override;
  Result<bool> ExchangeGates(const std::string& expected, const std::vector<Gate>& next) override;

 private:
  struct GateObject {
    std::string text;
    std::string etag;  // "" = there is none
  };
  // Of the service's epoch; its book says `burn` where that is a new one.
  Result<S3LockEntry> Read(const StateId& id);
  // `forgotten`: a new epoch, in which every lock burns at its first grant.
  Status EnterEpoch(bool forgotten);
  // False: the object is another one by now; read again.
  Result<bool> Write(const StateId& id, S3LockEntry* entry);
  // What may be written to without a look, as S3LockMemory::Recall has it.
  std::optional<S3LockEntry> Remembered(const StateId& id, const std::string& holder);
  // The first write of a LOCK: the lock is its, and has no base yet. False: as Write.
  Result<bool> TakeAlone(const StateId& id, const LockRecord& want, int64_t now_ms,
                         S3LockEntry* entry);
  // What proves nothing here, as an outage; `of` begins its text.
  static Status Outage(Status status, const char* of = "lock");

  std::string GateKey() const;
  Result<GateObject> GetGates();
  using Kept = std::optional<AcquireOutcome>;
  // What the gates say of a lock that `holder` holds now. nullopt: they do not keep it from being
  // given.
  Result<Kept> Judge(const GateTicket& ticket, const GateObject& gates,
                     const std::optional<LockRecord>& holder) const;
  // Of a lock that is taken without a base: reads head and gates, and stores the base or gives the
  // lock back. nullopt: others came first.
  Result<Kept> Complete(const StateId& id, const std::string& lock_id, const LockTerms& terms,
                        bool repeated, S3LockEntry* entry);
  Result<Kept> AcquireUnseen(const StateId& id, const LockRecord& want, const LockTerms& terms,
                             bool* taken_here);

  const std::unique_ptr<S3Client> client_;
  const Clock& clock_;
  const std::string prefix_;
  S3Landmark service_;
  S3LockMemory memory_;
  // All lock objects: key -> ETag.
  Result<std::map<std::string, std::string>> ListLocks();
  // Whether this very object was seen to be free.
  bool KnownFree(const std::string& key, const std::string& etag);

  std::mutex counted_mutex_;
  // What CountHeld and EachHeld saw: key -> ETag, its locks. Only what changed is read again.
  std::map<std::string, std::pair<std::string, HeldCount>> counted_;
};

}  // namespace stateward

#endif  // STATEWARD_LOCK_S3_LOCK_H_
