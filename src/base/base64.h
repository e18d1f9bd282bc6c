// Base64 of RFC 4648: section 4, with padding, and section 5 (base64url), without.
#ifndef STATEWARD_BASE_BASE64_H_
#define STATEWARD_BASE_BASE64_H_

#include <optional>
#include <string>
#include <string_view>

#include "stateward/bytes.h"
#include "stateward/secret.h"

namespace stateward {

std::string Base64Encode(ByteView bytes);
// The same for what is secret: no copy of it stays in memory.
SecretString SecretBase64(ByteView bytes);
// Strict: full groups, padding only at the end, unused bits zero, nothing else.
std::optional<SecretBytes> Base64Decode(std::string_view text);

// Strict: no padding, unused bits zero, nothing else.
std::optional<SecretBytes> Base64UrlDecode(std::string_view text);

}  // namespace stateward

#endif  // STATEWARD_BASE_BASE64_H_
