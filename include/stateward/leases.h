// Small texts that say which process does what one process of a store must do; exchanged by compare
// and swap. What they say is for who writes them (jobs/store_lease.h). One may be lost with a crash
// of the host: it is no part of the history of any state.
//
// Thread rule and errors: stateward/storage.h.
#ifndef STATEWARD_LEASES_H_
#define STATEWARD_LEASES_H_

#include <string>

#include "stateward/bytes.h"
#include "stateward/result.h"

namespace stateward {

class Leases {
 public:
  virtual ~Leases() = default;
  // `name`: a-z. kNotFound: there is none of this name.
  virtual Result<Bytes> ReadLease(const std::string& name) = 0;
  // Writes `next` (1 to 256 bytes) if the lease still is `expected`; empty: if there is none.
  // False: it is not. kUnavailable: it may have been written, or may be later.
  virtual Result<bool> ExchangeLease(const std::string& name, ByteView expected, ByteView next) = 0;
};

}  // namespace stateward

#endif  // STATEWARD_LEASES_H_
