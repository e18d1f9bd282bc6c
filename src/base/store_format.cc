#include "base/store_format.h"

namespace stateward {

uint32_t NewestStoreFormat() { return 1; }

}  // namespace stateward
