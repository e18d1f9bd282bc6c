// Which formats of a store this build knows (docs/formats.md, "Formats of a store").
#ifndef STATEWARD_BASE_STORE_FORMAT_H_
#define STATEWARD_BASE_STORE_FORMAT_H_

#include <cstdint>

namespace stateward {

// From 1 up to this one. In a file of its own: tests link a build that knows one more.
uint32_t NewestStoreFormat();

}  // namespace stateward

#endif  // STATEWARD_BASE_STORE_FORMAT_H_
