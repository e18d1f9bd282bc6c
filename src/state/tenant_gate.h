// The namespaces of the original's basic auth: which secrets may come in, and which names their
// states hold against identified users.
//
// Thread-safe. What it is given must outlive it.
#ifndef STATEWARD_STATE_TENANT_GATE_H_
#define STATEWARD_STATE_TENANT_GATE_H_

#include <optional>
#include <string>

#include "base/log.h"
#include "state/legacy.h"
#include "state/tenant_index.h"
#include "stateward/authenticator.h"
#include "stateward/kms.h"
#include "stateward/result.h"
#include "stateward/secret_guard.h"
#include "stateward/storage.h"

namespace stateward {

struct TenantRules {
  bool new_tenants = true;  // AUTH_BASIC_NEW_TENANTS
  bool legacy_read = true;
};

class TenantGate {
 public:
  // `secrets`: nullptr: nobody is slowed down.
  TenantGate(Storage& storage, Kms& kms, const Log& log, const TenantRules& rules,
             SecretGuard* secrets)
      : storage_(storage),
        kms_(kms),
        log_(log),
        rules_(rules),
        secrets_(secrets),
        index_(storage) {}

  // Before any verb. OK for identified users. kUnauthenticated: nothing is known of the secret, and
  // new ones are refused. kTooManyRequests: too many unknown ones came from there.
  // Else as the backends, never kNotFound.
  Status Check(const Grant& grant, const StateId& id);
  // ReadLegacy; notes that the namespace is real and has this name. Never kNotFound.
  Result<std::optional<LegacyState>> OpenLegacy(const Grant& grant, const StateId& id);
  // Before a document is written: notes that the namespace is real and has this name. A write that
  // then fails leaves a note that holds nothing; one that is stored is never without it.
  // `storage`: the one that the write works in (state/step_storage.h).
  Status BeforeWrite(Storage& storage, const Grant& grant, const StateId& id);
  // It was stored.
  void Stored(const Grant& grant) { CountKnown(grant); }
  // Of a state of identified users that was never written: why the answer must not be that there is
  // none; "" = there is none. Errors: as the backends, never kNotFound.
  Result<std::string> WhyHeld(const StateKey& key, const std::string& store_id);

 private:
  Result<bool> IsKnown(const Grant& grant, const StateId& id);
  void CountKnown(const Grant& grant);

  Storage& storage_;
  Kms& kms_;
  const Log& log_;
  const TenantRules rules_;
  SecretGuard* const secrets_;
  TenantIndex index_;
};

}  // namespace stateward

#endif  // STATEWARD_STATE_TENANT_GATE_H_
