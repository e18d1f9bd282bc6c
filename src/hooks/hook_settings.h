// Where events are sent, and which.
#ifndef STATEWARD_HOOKS_HOOK_SETTINGS_H_
#define STATEWARD_HOOKS_HOOK_SETTINGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "stateward/secret.h"

namespace stateward {

struct HookSettings {
  SecretString url;                 // WEBHOOK_URL; it may hold a token. Empty: none
  SecretString secret;              // WEBHOOK_SECRET: "whsec_" and base64
  std::vector<std::string> events;  // WEBHOOK_EVENTS; empty: all
  bool allow_private = false;       // WEBHOOK_ALLOW_PRIVATE
  std::string ca_file;              // WEBHOOK_CA_FILE; "" = the system's
  uint64_t stale_lock_s = 0;        // WEBHOOK_STALE_LOCK_SECONDS

  bool on() const { return !url.empty(); }
};

}  // namespace stateward

#endif  // STATEWARD_HOOKS_HOOK_SETTINGS_H_
