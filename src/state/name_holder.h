// Whether a state of a namespace of the original's basic auth keeps identified users from its name.
#ifndef STATEWARD_STATE_NAME_HOLDER_H_
#define STATEWARD_STATE_NAME_HOLDER_H_

#include <optional>
#include <string>

#include "state/tenant_index.h"
#include "stateward/kms.h"
#include "stateward/result.h"
#include "stateward/storage.h"

namespace stateward {

// Its newest version is a document, damaged ones included; or it has another address now; or it
// has no version and a blob of the original was opened for it. What was deleted, or given to
// identified users, holds nothing.
// Errors: as the backends, never kNotFound.
Result<bool> HoldsName(TenantIndex& index, Storage& storage, Kms& kms, const std::string& store_id,
                       const StateId& tenants);

// The first namespace's state that holds the project and name of `key`; nullopt: no one does.
Result<std::optional<StateId>> HolderOfName(TenantIndex& index, Storage& storage, Kms& kms,
                                            const std::string& store_id, const StateKey& key);

}  // namespace stateward

#endif  // STATEWARD_STATE_NAME_HOLDER_H_
