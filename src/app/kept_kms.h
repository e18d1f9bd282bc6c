// The Kms of a serving process, through its reloads: as long as the settings of the keys stay the
// same, so do the keys in memory. A reload while Vault is down must not forget them.
#ifndef STATEWARD_APP_KEPT_KMS_H_
#define STATEWARD_APP_KEPT_KMS_H_

#include <memory>

#include "base/log.h"
#include "kms/open_kms.h"
#include "stateward/kms.h"
#include "stateward/observer.h"
#include "stateward/result.h"

namespace stateward {

// Not synchronised: used by the thread that reads the settings.
class KeptKms {
 public:
  // The one from before, or a new one with calls counted by `observer`. kInvalidArgument: the
  // settings are wrong; the one from before stays.
  Result<std::shared_ptr<Kms>> Get(const KmsSettings& settings, Observer& observer, const Log& log);

 private:
  KmsSettings settings_;
  std::shared_ptr<Kms> kms_;
};

}  // namespace stateward

#endif  // STATEWARD_APP_KEPT_KMS_H_
