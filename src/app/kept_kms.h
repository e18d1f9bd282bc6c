// The Kms of a serving process, through its reloads: as long as the settings of the keys stay the
// same, so do the keys in memory. A reload while Vault is down must not forget them.
#ifndef STATEWARD_APP_KEPT_KMS_H_
#define STATEWARD_APP_KEPT_KMS_H_

#include <memory>

#include "base/log.h"
#include "kms/open_kms.h"
#include "state/store_secret.h"
#include "stateward/kms.h"
#include "stateward/observer.h"
#include "stateward/result.h"

namespace stateward {

// Not synchronised: used by the thread that reads the settings.
class KeptKms {
 public:
  // The store's secret as it was opened first, kept for the same reason.
  const std::shared_ptr<StoreSecret>& secret() const { return secret_; }
  struct Found {
    std::shared_ptr<Kms> kms;
    bool is_new = false;  // other keys than those in use: Keep() puts them in their place
  };
  // The one from before, or a new one with calls counted by `observer`. kInvalidArgument: the
  // settings are wrong. The one from before stays until Keep().
  Result<Found> Get(const KmsSettings& settings, Observer& observer, const Log& log);
  void Keep(const Found& found, const KmsSettings& settings);

 private:
  KmsSettings settings_;
  std::shared_ptr<Kms> kms_;
  const std::shared_ptr<StoreSecret> secret_ = std::make_shared<StoreSecret>();
};

}  // namespace stateward

#endif  // STATEWARD_APP_KEPT_KMS_H_
