// Words for records that do not open.
#ifndef STATEWARD_ADMIN_STATE_NAMES_H_
#define STATEWARD_ADMIN_STATE_NAMES_H_

#include <string>

#include "stateward/result.h"

namespace stateward {

// Why a record does not open, for a column: "damaged" or "unknown key".
std::string UnreadableWord(const Status& why);

}  // namespace stateward

#endif  // STATEWARD_ADMIN_STATE_NAMES_H_
