// What operations work on: the store with its keys, its locks, and the guarded write.
//
// Thread-safe. Everything it is given must outlive it.
#ifndef STATEWARD_ADMIN_ADMIN_SERVICE_H_
#define STATEWARD_ADMIN_ADMIN_SERVICE_H_

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "history/history.h"
#include "state/state_service.h"
#include "state/state_settings.h"
#include "state/store_gate.h"
#include "stateward/audit.h"
#include "stateward/clock.h"
#include "stateward/kms.h"
#include "stateward/locker.h"
#include "stateward/result.h"
#include "stateward/storage.h"

namespace stateward {

struct AdminParts {
  Storage& storage;
  Locker& locker;
  Kms& kms;
  StoreGate& gate;
  // Writes of an operation go through it, under a lock of their own: there is no second way.
  StateService& states;
  const Clock& clock;
  StateRules rules;
  UploadRules uploads;
  std::string audit_file{};     // AUDIT_FILE; "" = there is none here
  AuditTrail* trail = nullptr;  // nullptr: there is no trail
  // How much of the trail's files one request for a state's locks reads, from their end.
  uint64_t most_trail_bytes = UINT64_MAX;
};

class AdminService {
 public:
  explicit AdminService(const AdminParts& parts) : parts_(parts) {}

  // Held while a list of all states is made: one at a time for each principal, since it costs what
  // thousands of other requests do.
  class ListTurn {
   public:
    ListTurn(std::shared_ptr<void> held) : held_(std::move(held)) {}  // NOLINT: made here alone
    explicit operator bool() const { return held_ != nullptr; }

   private:
    std::shared_ptr<void> held_;
  };
  // False when that principal's list is being made already: ListUnderWay.
  ListTurn TakeListTurn(const std::string& principal);

  // The same while the audit trail is read for a state's locks: one at a time for all who ask, so
  // that no more than one thread of a server is at it. False: TrailUnderWay.
  ListTurn TakeTrailTurn();

  // The store, once its identity file and lock service were proved. kUnavailable: not yet.
  Result<std::string> StoreId() const;
  Result<History> OpenHistory() const;

  Storage& storage() const { return parts_.storage; }
  Locker& locker() const { return parts_.locker; }
  Kms& kms() const { return parts_.kms; }
  StoreGate& gate() const { return parts_.gate; }
  StateService& states() const { return parts_.states; }
  const Clock& clock() const { return parts_.clock; }
  const StateRules& rules() const { return parts_.rules; }
  const UploadRules& uploads() const { return parts_.uploads; }
  AuditTrail* trail() const { return parts_.trail; }
  const std::string& audit_file() const { return parts_.audit_file; }
  uint64_t most_trail_bytes() const { return parts_.most_trail_bytes; }

 private:
  ListTurn TakeTurn(const std::string& what);

  const AdminParts parts_;
  std::mutex lists_mutex_;
  std::set<std::string> lists_;  // "by PRINCIPAL": their list is being made; "": the trail is read
};

// What somebody is told who asks for a second one.
inline Status ListUnderWay() {
  return {Code::kOverloaded, "a list of yours is being made; wait until it has ended"};
}

inline Status TrailUnderWay() {
  return {Code::kOverloaded, "the audit trail is being read for another request: ask again"};
}

}  // namespace stateward

#endif  // STATEWARD_ADMIN_ADMIN_SERVICE_H_
