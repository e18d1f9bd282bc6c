// What a serving process keeps through its reloads. The keys in memory, as long as their settings
// stay the same: a reload while Vault is down must not forget them. And what it knows of guessers,
// who would else begin again with each reload.
#ifndef STATEWARD_APP_KEPT_H_
#define STATEWARD_APP_KEPT_H_

#include <memory>

#include "auth/throttle.h"
#include "base/log.h"
#include "kms/open_kms.h"
#include "state/store_secret.h"
#include "stateward/clock.h"
#include "stateward/kms.h"
#include "stateward/observer.h"
#include "stateward/result.h"

namespace stateward {

// Not synchronised: used by the thread that reads the settings.
class Kept {
 public:
  // The store's secret as it was opened first, kept for the same reason.
  const std::shared_ptr<StoreSecret>& secret() const { return secret_; }
  // Thread-safe, and shared with the handler before.
  const std::shared_ptr<Throttle>& throttle() const { return throttle_; }
  // When this process began, since 1970.
  int64_t started_ms() const { return started_ms_; }
  struct Found {
    std::shared_ptr<Kms> kms;
    bool is_new = false;  // other keys than those in use: Keep() puts them in their place
  };
  // The one from before, or a new one with calls counted by `observer`. kInvalidArgument: the
  // settings are wrong. The one from before stays until Keep().
  Result<Found> Get(const KmsSettings& settings, Observer& observer, const Log& log);
  void Keep(const Found& found, const KmsSettings& settings);

 private:
  const int64_t started_ms_ = SystemClock().NowMs();
  KmsSettings settings_;
  std::shared_ptr<Kms> kms_;
  const std::shared_ptr<StoreSecret> secret_ = std::make_shared<StoreSecret>();
  const std::shared_ptr<Throttle> throttle_ = std::make_shared<Throttle>(SystemClock());
};

}  // namespace stateward

#endif  // STATEWARD_APP_KEPT_H_
