// Looks at the beginning of a FastCGI request before libfcgi is allowed to.
//
// libfcgi has no bound on parameters, overflows its stack on a management record, takes a parameter
// stream that breaks off for a whole one, and blocks while it waits for the rest. So it is given a
// connection only when this has seen the whole head of one proper request in the socket's buffer:
// BEGIN_REQUEST for a responder, and every PARAMS record up to the empty one.
// Source of the format: FastCGI 1.0 specification, sections 3.3, 3.4, 5.1 and 5.2.
#ifndef STATEWARD_FCGI_RECORD_WALK_H_
#define STATEWARD_FCGI_RECORD_WALK_H_

#include <cstddef>
#include <cstdint>

#include "stateward/bytes.h"

namespace stateward {

// A request of nginx or Apache has some 30 parameters; the Authorization header may be 16 KiB.
inline constexpr size_t kMaxParamBytes = size_t{64} * 1024;
inline constexpr size_t kMaxParams = 256;
// The head with its record headers: at most one header and padding for each small record.
inline constexpr size_t kMaxHeadBytes = kMaxParamBytes + size_t{16} * 1024;

enum class HeadState : uint8_t {
  kIncomplete,  // proper so far
  kBad,         // will never be a request of ours
  kComplete,
};

struct HeadLook {
  HeadState state = HeadState::kIncomplete;
  bool keep = false;  // the web server wants to keep the connection
};

HeadLook LookAtHead(ByteView bytes);

}  // namespace stateward

#endif  // STATEWARD_FCGI_RECORD_WALK_H_
