// Whether what is sent to a host stays on this one.
#ifndef STATEWARD_BASE_LOOPBACK_H_
#define STATEWARD_BASE_LOOPBACK_H_

#include <string_view>

namespace stateward {

// localhost, 127.0.0.0/8 and ::1, as it stands in an address: also [::1]. A name that only looks
// like one, as 127.0.0.1.example, is none.
bool IsLoopback(std::string_view host);

}  // namespace stateward

#endif  // STATEWARD_BASE_LOOPBACK_H_
