// The AUTH_* settings.
#ifndef STATEWARD_AUTH_AUTH_SETTINGS_H_
#define STATEWARD_AUTH_AUTH_SETTINGS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace stateward {

struct IssuerSettings {
  std::string url;                     // "iss", byte for byte
  std::vector<std::string> audiences;  // one has to be in a token's "aud"
  bool any_audience = false;           // "aud" is not looked at
  std::string ca_file;                 // PEM; "" = the system's
};

struct AuthSettings {
  bool basic_enabled = false;  // AUTH_BASIC_ENABLED
  std::string policy_file;     // AUTH_POLICY_FILE; "" = none
  bool proxy_enabled = false;  // AUTH_PROXY_ENABLED
  int64_t lock_grace_s = 0;    // LOCK_GRACE
  IssuerSettings jwt;          // AUTH_JWT_*
};

}  // namespace stateward

#endif  // STATEWARD_AUTH_AUTH_SETTINGS_H_
