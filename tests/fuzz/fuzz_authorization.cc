// Every input, taken for an Authorization header: what comes out says the same when it is written
// again, and has no byte that was not there.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "auth/jwt_authenticator.h"
#include "base/base64.h"
#include "http/basic_header.h"

namespace stateward {
namespace {

void Demand(bool holds) {
  if (!holds) std::abort();
}

void Check(std::string_view text) {
  Result<Credentials> credentials = ParseAuthorization(SecretString(text));
  if (!credentials.ok()) {
    Demand(credentials.status().code() == Code::kUnauthenticated);
    return;
  }
  std::string_view secret = credentials->secret.Reveal();
  std::string written;
  if (credentials->bearer) {
    Demand(credentials->user.empty() && !secret.empty());
    Demand(secret.find_first_of(std::string_view(", \t\r\n\0", 6)) == secret.npos);
    written = std::string(secret);
  } else {
    Demand(credentials->user.find(':') == std::string::npos);
    written = Base64Encode(credentials->user + ":" + std::string(secret));
  }
  Demand(text.size() >= written.size());
  Demand(text.substr(text.size() - written.size()) == written);
  (void)IsTokenCredential(*credentials);
}

}  // namespace
}  // namespace stateward

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  stateward::Check(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
