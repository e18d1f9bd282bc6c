// Which absent names must not look like none to identified users (docs/policy.md, "States from
// before"): those that a namespace of the original's basic auth holds, and every one while
// untouched blobs of the original may be it.
//
// Thread-safe. What it is given must outlive it.
#ifndef STATEWARD_STATE_HELD_NAMES_H_
#define STATEWARD_STATE_HELD_NAMES_H_

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_set>

#include "state/tenant_gate.h"
#include "state/untouched.h"
#include "stateward/authenticator.h"
#include "stateward/kms.h"
#include "stateward/result.h"
#include "stateward/storage.h"

namespace stateward {

// The answer to a question: why the name is held, for its user; "" = it is not. Of an error
// `hint` is what the user can be told.
struct HeldName {
  std::string why;
  std::string hint;
  Status status;
};

class HeldNames {
 public:
  // `untouched`: nullptr = names map as in the original, and its blobs hold none.
  HeldNames(TenantGate& tenants, Storage& storage, Kms& kms, Untouched* untouched, bool legacy_read)
      : tenants_(tenants),
        storage_(storage),
        kms_(kms),
        untouched_(untouched),
        legacy_read_(legacy_read) {}

  // REQUIRES: the state is absent, and was not deleted.
  HeldName OfAbsent(const StateKey& key, const std::string& store_id);
  // Before a lock is given: needs no key. A state that has any record is not absent here.
  HeldName BeforeLock(const Grant& grant, const StateId& id, const std::string& store_id);
  // Before a write.
  HeldName BeforeWrite(const Grant& grant, const StateId& id, const std::string& store_id);

 private:
  enum class Seen : char { kRecord = 'r', kVersion = 'v' };
  bool Known(const StateId& id, Seen what);
  void Remember(const StateId& id, Seen what);
  HeldName OfBlob(const Grant& grant, const StateId& id, const std::string& legacy_id);
  HeldName NotListed(Status status) const;

  TenantGate& tenants_;
  Storage& storage_;
  Kms& kms_;
  Untouched* const untouched_;
  const bool legacy_read_;
  std::mutex mutex_;
  // States that were there once: the newest record is never removed. Bounded.
  std::unordered_set<std::string> there_;
};

}  // namespace stateward

#endif  // STATEWARD_STATE_HELD_NAMES_H_
