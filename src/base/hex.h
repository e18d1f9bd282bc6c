// Lower-case hexadecimal.
#ifndef STATEWARD_BASE_HEX_H_
#define STATEWARD_BASE_HEX_H_

#include <string>
#include <string_view>

#include "stateward/bytes.h"

namespace stateward {

std::string HexEncode(ByteView bytes);
// Reads exactly 2 n lower-case digits. False, with *out undefined, for anything else.
bool HexDecode(std::string_view text, uint8_t* out, size_t n);
bool IsHex(std::string_view text, size_t digits);

}  // namespace stateward

#endif  // STATEWARD_BASE_HEX_H_
