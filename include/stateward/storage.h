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

#include <cstdint>
#include <functional>
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

// Something that lies where a part of the store belongs, and is none.
struct Stranger {
  std::string name;  // the backend's own
  std::string what;  // for a person
};

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

  // What every other call leaves alone although its place is one of the store's.
  virtual Result<std::vector<Stranger>> Strangers() { return std::vector<Stranger>(); }

  // Says of at least the first 16 KiB of a record, and its size in bytes, whether it can be one; an
  // error is why not.
  using FrontCheck = std::function<Status(uint64_t n, ByteView front, uint64_t size)>;
  // As GetNewest and Get. A backend that learns a record's size before its bytes asks `check` about
  // a large one, and when that says no reads no more of it and returns what it said.
  virtual Result<Newest> GetNewestChecked(const StateId& id, const FrontCheck& /*check*/) {
    return GetNewest(id);
  }
  virtual Result<Bytes> GetChecked(const StateId& id, uint64_t n, const FrontCheck& /*check*/) {
    return Get(id, n);
  }
};

}  // namespace stateward

#endif  // STATEWARD_STORAGE_H_
