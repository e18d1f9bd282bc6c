#include "http/basic_header.h"

#include <strings.h>

#include "base/base64.h"

namespace stateward {
namespace {

// A CI token is some KiB; web servers stop at 8 KiB per header by default.
constexpr size_t kMaxHeader = 16 * 1024;

Status Wrong(const char* why) { return {Code::kUnauthenticated, why}; }

}  // namespace

Result<Credentials> ParseAuthorization(const SecretString& header) {
  std::string_view text = header.Reveal();
  if (text.size() > kMaxHeader) return Wrong("authorization: longer than 16 KiB");
  constexpr std::string_view kScheme = "Basic ";
  if (text.size() < kScheme.size() ||
      strncasecmp(text.data(), kScheme.data(), kScheme.size()) != 0) {
    return Wrong("authorization: no basic credentials");
  }
  text.remove_prefix(kScheme.size());
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  std::optional<SecretBytes> decoded = Base64Decode(text);
  if (!decoded) return Wrong("authorization: not base64");
  std::string_view pair = ByteView(*decoded).AsString();
  size_t colon = pair.find(':');
  if (colon == std::string_view::npos) return Wrong("authorization: no colon");
  Credentials credentials;
  credentials.user = std::string(pair.substr(0, colon));
  credentials.secret = SecretString(pair.substr(colon + 1));
  return credentials;
}

}  // namespace stateward
