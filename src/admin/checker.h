// Opens everything that a store holds, and tells what does not open.
#ifndef STATEWARD_ADMIN_CHECKER_H_
#define STATEWARD_ADMIN_CHECKER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "admin/admin_service.h"
#include "history/history.h"
#include "stateward/locker.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

struct CheckRules {
  std::string glob;        // "" = every state, and what belongs to none
  bool read_data = false;  // documents to their last byte; else what is sealed in front of them
};

// What `repair` does about a problem.
enum class Repair : uint8_t { kNone, kRemoveCache, kRemoveLeftover, kWriteLock };

struct Problem {
  std::optional<StateKey> key;  // nullopt: nothing that opens says what state it is
  std::string state_id;         // "" = of no state
  const char* part = "";  // "version", "lock", "upload", "original", "cache", "temporary file",
                          // "other"
  std::string name;       // of the part: a number, an upload's or a file's name; "" = a lock
  std::string reason;
  std::string mend;  // what to do
  Repair repair = Repair::kNone;
};
using ProblemFn = std::function<bool(const Problem&)>;

// Of one run; its service must outlive it. Run uses threads of its own, `take` and `report` are
// called by the caller's thread alone.
class Checker {
 public:
  Checker(const AdminService& service, History history, CheckRules rules)
      : service_(service), history_(std::move(history)), rules_(std::move(rules)) {}

  // Problems of states in the order of their ids, then uploads, then blobs of the original, then
  // what can be repaired, then what is no part of the store; ends early when `take` returns false.
  // How many there were. An error: a service could not say.
  Result<uint64_t> Run(const ProblemFn& take,
                       const std::function<void(uint64_t done, uint64_t total)>& report);
  // Those alone that can be repaired.
  Result<uint64_t> RunRepairable(const ProblemFn& take);

 private:
  using Problems = std::vector<Problem>;
  Result<Problems> CheckState(const StateId& id) const;
  Status CheckVersions(const StateId& id, const std::vector<uint64_t>& numbers,
                       std::optional<StateKey>* key, Problems* found) const;
  Result<SealedInfo> OpenVersion(const StateId& id, uint64_t n) const;
  Status CheckLock(const StateId& id, uint64_t head, Problems* found) const;
  Result<Problems> CheckUpload(const KeptUpload& upload) const;
  Status CheckLockCopies(const StateId& id, Problems* found) const;
  Result<Problems> RepairableOfLock(const StateId& id) const;
  Result<Problems> CheckCache(const std::string& name) const;
  Status CheckRepairable();
  Status CheckStrangers();
  Result<Problems> CheckOriginal(const std::string& legacy_id) const;
  // An outage says nothing of what was looked at.
  Status Outage(const Status& status) const;
  // Takes steps side by side, so many at a time, and their problems in order.
  Status Each(size_t count, const std::function<Result<Problems>(size_t)>& step);
  Status CheckLocksOfNoState(const std::vector<StateId>& states);

  const AdminService& service_;
  const History history_;
  const CheckRules rules_;
  ProblemFn take_;
  std::function<void(uint64_t)> step_done_;
  uint64_t found_ = 0;
  bool enough_ = false;
};

}  // namespace stateward

#endif  // STATEWARD_ADMIN_CHECKER_H_
