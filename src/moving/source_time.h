// Times as services write them (RFC 3339).
#ifndef STATEWARD_MOVING_SOURCE_TIME_H_
#define STATEWARD_MOVING_SOURCE_TIME_H_

#include <cstdint>
#include <string>

namespace stateward {

// "2026-11-27T03:00:00.123Z", "…+01:00"; 0 when it is no such text.
int64_t ParseSourceTime(const std::string& text);

}  // namespace stateward

#endif  // STATEWARD_MOVING_SOURCE_TIME_H_
