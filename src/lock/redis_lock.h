// Locks in Redis (docs/lock.md, "redis"; docs/formats.md, "Locks in Redis"). One script for each
// step, the server's TIME as the clock, nothing that expires but the released IDs.
//
// Taking a lock is two steps, since the head is read between them: a lock without a base is held
// but of no use until a LOCK with its ID completes it.
//
// A new epoch begins when the memory is gone or another server process answers. Only a service that
// ServiceId() found once is re-established, with the same id.
#ifndef STATEWARD_LOCK_REDIS_LOCK_H_
#define STATEWARD_LOCK_REDIS_LOCK_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "lock/redis_scripts.h"
#include "redis/redis_client.h"
#include "stateward/locker.h"

namespace stateward {

class RedisLock : public Locker {
 public:
  // `prefix` begins the name of each of its keys.
  RedisLock(std::unique_ptr<RedisClient> client, std::string prefix);

  std::string_view Name() const override { return "redis"; }
  Result<std::string> ServiceId() override;
  Result<std::string> InitService(bool forgotten) override;
  Result<AcquireOutcome> Acquire(const LockKey& key, const LockRecord& want,
                                 const LockTerms& terms) override;
  Result<ReleaseOutcome> Release(const LockKey& key, const ReleaseRequest& request) override;
  Result<LockView> Look(const LockKey& key) override;
  Result<bool> TokenReleased(const StateId& id, const std::string& token_sha256) override;
  Status BurnNext(const LockKey& key) override;
  Status WithLock(const LockKey& key, const WriteFn& write) override;
  bool HoldsStill() const override { return false; }
  Status EachHeldAfter(const StateId& after, const EachHeldFn& each) override;
  Result<HeldCount> CountHeld() override;
  Result<uint64_t> CountLegacy() override;
  Status Check() override;
  std::string Warning() override { return client_->Warning(); }
  Result<GateSet> ReadGates() override;
  Result<bool> ExchangeGates(const std::string& expected, const std::vector<Gate>& next) override;

 private:
  // What a script answered: the word in front, and what follows.
  struct Answer {
    std::string word;
    std::vector<RedisReply> rest;
  };
  // The holder as a script shows it, and where the original keeps it if it is the original's.
  struct Held {
    LockRecord record;
    std::string legacy_key;
    std::string legacy_value;
    Status unreadable;              // of the original's
    std::vector<LockRecord> plans;  // oldest first; `record` is then one of them, or who waits
    int64_t freed_from_ms = 0;      // as in HeldBy, both
    int64_t plans_from_ms = 0;
  };

  std::string ServiceKey() const { return prefix_ + "service"; }
  std::vector<std::string> KeysOf(const LockKey& key) const;
  Result<std::set<std::string>> HeldIds();  // as text, in order
  Result<Answer> Ask(const RedisScript& script, const std::vector<std::string>& keys,
                     const std::vector<std::string>& arguments);
  Result<Answer> Step(const RedisScript& script, const std::vector<std::string>& keys,
                      std::vector<std::string> arguments);
  Status Renew(const std::string& service_id);
  static Status NoAnswer();
  static Status Busy();
  static Result<GateSet> ReadGateReply(const std::vector<RedisReply>& rest);
  Result<Held> ReadHeld(const Answer& answer) const;
  // What a "gates" or "shut" says.
  Result<AcquireOutcome> ReadKept(Answer answer) const;
  Result<Held> ReadPlans(const Answer& answer) const;
  Result<bool> Complete(const LockKey& key, const std::string& lock_id, const Answer& taken,
                        const BaseFn& base);
  Result<ReleaseOutcome> ReleaseLegacy(const LockKey& key, const ReleaseRequest& request,
                                       const Held& held, bool* again);

  const std::unique_ptr<RedisClient> client_;
  const std::string prefix_;
  const RedisServiceScripts service_scripts_;
  const RedisLockScripts scripts_;
  std::atomic<int64_t> wrote_us_{0};  // the last good try of Check() to write
  std::mutex mutex_;
  std::string service_id_;  // as ServiceId() or InitService() found it; "" = not yet
};

}  // namespace stateward

#endif  // STATEWARD_LOCK_REDIS_LOCK_H_
