// What a copy of a store needs besides its other parts. Each storage is one (dynamic_cast from its
// Storage), but for what only stands in front of one. It serves to go through all claims, and to
// put records and blobs of terraform-backend where they were.
//
// What puts is for a store that is closed (stateward/closed_store.h): kInternal in another.
// Durable when it returns OK. May be repeated. Thread rule and errors: stateward/storage.h.
#ifndef STATEWARD_STORE_COPY_H_
#define STATEWARD_STORE_COPY_H_

#include <cstdint>
#include <functional>
#include <string>

#include "stateward/bytes.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

class StoreCopy {
 public:
  virtual ~StoreCopy() = default;
  // Calls `each` for every claim, in no order, until it returns false. What is claimed meanwhile
  // may be told or not.
  virtual Status EachClaim(
      const std::function<bool(const std::string& name, const StateId& id)>& each) = 0;
  // Makes record n, whatever the newest is, or exchanges it.
  virtual Status PutRecord(const StateId& id, uint64_t n, ByteView sealed) = 0;
  // Makes a blob of terraform-backend, where terraform-backend would look for it. kConflict: one
  // with other bytes is there, which is somebody's data.
  virtual Status PutLegacy(const std::string& legacy_id, ByteView blob) = 0;
};

}  // namespace stateward

#endif  // STATEWARD_STORE_COPY_H_
