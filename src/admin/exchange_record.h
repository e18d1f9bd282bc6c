// A record is exchanged for another one of its number: what is sealed in front of it changes, or
// its document is taken out.
#ifndef STATEWARD_ADMIN_EXCHANGE_RECORD_H_
#define STATEWARD_ADMIN_EXCHANGE_RECORD_H_

#include <cstdint>
#include <functional>

#include "admin/admin_service.h"
#include "base/sha256.h"
#include "stateward/kms.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

// Changes what the record opened to; an error ends it, and nothing is exchanged.
using ExchangeFn = std::function<Status(Opened*)>;

// At every moment one of the two records is there. One that a rekey exchanges meanwhile is opened
// again. kNotFound: no such record. `seen`: the SHA-256 of the only record that may be exchanged;
// kConflict: there is another one by now.
Status ExchangeRecord(const AdminService& service, const StateId& id, uint64_t n,
                      const ExchangeFn& change, const Sha256Digest* seen = nullptr);

}  // namespace stateward

#endif  // STATEWARD_ADMIN_EXCHANGE_RECORD_H_
