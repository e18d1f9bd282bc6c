// A store: the place of all states. One backend gives all of its parts; who uses only one of them
// takes that one's interface.
//
// A store carries an identity file (store id, format, the lock service that guards it). Without a
// readable one every call of every part but those of IdentityFile answers kUnavailable: an
// unmounted disk is not an empty store.
//
// Thread-safe. Every call ends within the time limit of the backend's configuration.
// Errors: kNotFound only when the store SAID that the thing is absent; kUnavailable when that could
// not be found out; kCorruption when the store itself knows that bytes are damaged.
#ifndef STATEWARD_STORAGE_H_
#define STATEWARD_STORAGE_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "stateward/caches.h"
#include "stateward/kept_uploads.h"
#include "stateward/leases.h"
#include "stateward/name_claims.h"
#include "stateward/records.h"
#include "stateward/result.h"
#include "stateward/server_notices.h"
#include "stateward/store_identity.h"
#include "stateward/transaction.h"

namespace stateward {

class Storage : public Records,
                public NameClaims,
                public KeptUploads,
                public IdentityFile,
                public ServerNotices,
                public Leases,
                public Caches {
 public:
  // "fs", "s3", "postgres": part of the settings and of metrics.
  virtual std::string_view Name() const = 0;
  // This storage as a part of a locker's transaction, which must outlive what is returned: it sees
  // what the transaction sees, and what it writes counts when the locker ends that one well.
  // nullptr: the two share nothing, and the storage is used as it is.
  virtual std::unique_ptr<Storage> Within(Transaction& /*transaction*/) { return nullptr; }

  // What processes that died have left behind and is no part of the store, by names of the
  // backend's own; nothing of the last hour, which may still be in use.
  virtual Result<std::vector<std::string>> Leftovers() { return std::vector<std::string>(); }
  // OK when it is gone already.
  virtual Status RemoveLeftover(const std::string& /*name*/) { return Status(); }

  // OK when a write would have a chance now; otherwise what is wrong, for /ready.
  virtual Status Check() = 0;
  // What promises less than it should although it works, as Locker::Warning.
  virtual std::string Warning() { return ""; }
};

}  // namespace stateward

#endif  // STATEWARD_STORAGE_H_
