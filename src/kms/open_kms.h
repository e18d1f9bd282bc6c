// Makes the Kms that the settings ask for.
#ifndef STATEWARD_KMS_OPEN_KMS_H_
#define STATEWARD_KMS_OPEN_KMS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "base/log.h"
#include "client/vault_client.h"
#include "kms/envelope_kms.h"
#include "stateward/clock.h"
#include "stateward/kms.h"
#include "stateward/result.h"
#include "stateward/secret.h"

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
  // Nothing is to be sealed, so what is missing for that does not matter: for the bad day.
  bool only_opens = false;
};

// True when both would open the same Kms.
bool SameKms(const KmsSettings& a, const KmsSettings& b);

// kInvalidArgument: the text names the setting and says what would be right. That Vault does not
// answer is no error. `log` (may be null) and `clock` must outlive it. With Vault it has a thread.
Result<std::unique_ptr<EnvelopeKms>> OpenEnvelopeKms(const KmsSettings& settings,
                                                     const Log* log = nullptr,
                                                     const Clock& clock = SystemClock());
Result<std::unique_ptr<Kms>> OpenKms(const KmsSettings& settings, const Log* log = nullptr,
                                     const Clock& clock = SystemClock());

}  // namespace stateward

#endif  // STATEWARD_KMS_OPEN_KMS_H_
