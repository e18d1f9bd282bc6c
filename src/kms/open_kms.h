// Makes the Kms that the settings ask for.
#ifndef STATEWARD_KMS_OPEN_KMS_H_
#define STATEWARD_KMS_OPEN_KMS_H_

#include <memory>
#include <string>

#include "stateward/kms.h"
#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

struct KmsSettings {
  std::string backend = "local";  // KMS_BACKEND
  SecretString key;               // KMS_KEY: base64 of 32 bytes
  SecretString keyring;           // KMS_KEYRING: more keys, for reading only
};

// kInvalidArgument: the text names the setting and says what would be right.
Result<std::unique_ptr<Kms>> OpenKms(const KmsSettings& settings);

}  // namespace stateward

#endif  // STATEWARD_KMS_OPEN_KMS_H_
