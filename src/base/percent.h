// Percent-encoding (RFC 3986): bytes as %XX, in capital digits.
#ifndef STATEWARD_BASE_PERCENT_H_
#define STATEWARD_BASE_PERCENT_H_

#include <string>
#include <string_view>

namespace stateward {

// A-Za-z0-9 and - . _ ~, which mean the same in every part of a URL.
bool IsUnreserved(char c);

// Each byte that is neither unreserved nor one of `plain` becomes %XX.
std::string PercentEncode(std::string_view text, std::string_view plain = {});

// False: a % that no two hex digits follow. A + stays one.
bool PercentDecode(std::string_view in, std::string* out);

}  // namespace stateward

#endif  // STATEWARD_BASE_PERCENT_H_
