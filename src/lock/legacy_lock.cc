#include "lock/legacy_lock.h"

#include <utility>

#include "base/json.h"

namespace stateward {

Result<LockRecord> ReadLegacyLock(ByteView lock_info) {
  Result<JsonObject> json = ParseSmallJson(lock_info);
  LockRecord out;
  if (json.ok()) out.id = json->String("ID").value_or("");
  if (out.id.empty()) {
    return Status::Unavailable(
        "terraform-backend's lock record cannot be read; a forced release removes it");
  }
  out.info = std::string(lock_info.AsString());
  out.operation = json->String("Operation").value_or("").substr(0, 128);
  return out;
}

}  // namespace stateward
