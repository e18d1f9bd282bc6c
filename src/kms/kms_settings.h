// The KMS_* settings, and Vault's.
#ifndef STATEWARD_KMS_KMS_SETTINGS_H_
#define STATEWARD_KMS_KMS_SETTINGS_H_

#include <cstdint>
#include <string>

#include "stateward/secret.h"
#include "vault/vault_settings.h"

namespace stateward {

// What `backend` names seals new records; whatever else is set opens old ones.
struct KmsSettings {
  std::string backend = "local";  // KMS_BACKEND
  SecretString key;               // KMS_KEY: base64 of 32 bytes
  SecretString keyring;           // KMS_KEYRING: more keys, for reading only
  std::string vault_key_path;     // KMS_VAULT_KEY_PATH
  uint64_t vault_poll_seconds = 60;
  std::string transit_engine;     // KMS_TRANSIT_ENGINE
  std::string transit_key;        // KMS_TRANSIT_KEY
  SecretString transit_exported;  // KMS_TRANSIT_EXPORTED
  VaultOptions vault;
  // Nothing is sealed here, so what is missing for that does not matter: for the bad day.
  bool only_opens = false;
};

}  // namespace stateward

#endif  // STATEWARD_KMS_KMS_SETTINGS_H_
