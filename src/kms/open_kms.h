// Makes the Kms that the settings ask for.
#ifndef STATEWARD_KMS_OPEN_KMS_H_
#define STATEWARD_KMS_OPEN_KMS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "base/log.h"
#include "kms/envelope_kms.h"
#include "kms/kms_settings.h"
#include "stateward/clock.h"
#include "stateward/kms.h"
#include "stateward/result.h"
#include "stateward/secret.h"
#include "vault/vault_client.h"

namespace stateward {

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
