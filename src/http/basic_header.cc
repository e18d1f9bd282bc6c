#include "http/basic_header.h"

#include <strings.h>

#include "base/base64.h"

namespace stateward {
namespace {

// A CI token is some KiB; web servers stop at 8 KiB per header by default.
constexpr size_t kMaxHeader = size_t{16} * 1024;

Status Wrong(const char* why) { return {Code::kUnauthenticated, why}; }

// Cuts the scheme and the blanks behind it off; false when it is another scheme.
bool TakeScheme(std::string_view scheme, std::string_view* text) {
  if (text->size() <= scheme.size() || (*text)[scheme.size()] != ' ' ||
      strncasecmp(text->data(), scheme.data(), scheme.size()) != 0) {
    return false;
  }
  text->remove_prefix(scheme.size());
  while (!text->empty() && text->front() == ' ') text->remove_prefix(1);
  return true;
}

Result<Credentials> ParseBasic(std::string_view text) {
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

bool IsTokenChar(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~+/").find(c) != std::string_view::npos;
}

Result<Credentials> ParseBearer(std::string_view token) {
  size_t end = 0;
  while (end < token.size() && IsTokenChar(token[end])) ++end;
  if (end == 0 || token.find_first_not_of('=', end) != std::string_view::npos) {
    return Wrong("authorization: not a bearer token");
  }
  Credentials credentials;
  credentials.secret = SecretString(token);
  credentials.bearer = true;
  return credentials;
}

}  // namespace

Result<Credentials> ParseAuthorization(const SecretString& header) {
  std::string_view text = header.Reveal();
  if (text.size() > kMaxHeader) return Wrong("authorization: longer than 16 KiB");
  if (TakeScheme("Basic", &text)) return ParseBasic(text);
  if (TakeScheme("Bearer", &text)) return ParseBearer(text);
  return Wrong("authorization: neither basic nor bearer");
}

}  // namespace stateward
