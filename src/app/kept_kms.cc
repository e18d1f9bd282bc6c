#include "app/kept_kms.h"

#include <utility>

#include "metrics/metered.h"

namespace stateward {

Result<std::shared_ptr<Kms>> KeptKms::Get(const KmsSettings& settings, Observer& observer,
                                          const Log& log) {
  if (kms_ != nullptr && SameKms(settings, settings_)) return kms_;
  Result<std::unique_ptr<Kms>> opened = OpenKms(settings, &log);
  if (!opened.ok()) return std::move(opened).status();
  kms_ = MeterKms(*std::move(opened), observer, SystemClock());
  settings_ = settings;
  return kms_;
}

}  // namespace stateward
