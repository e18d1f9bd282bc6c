#include "app/kept.h"

#include <utility>

#include "metrics/metered.h"

namespace stateward {

Result<Kept::Found> Kept::Get(const KmsSettings& settings, Observer& observer, const Log& log) {
  if (kms_ != nullptr && SameKms(settings, settings_)) return Found{kms_, false};
  Result<std::unique_ptr<Kms>> opened = OpenKms(settings, &log);
  if (!opened.ok()) return std::move(opened).status();
  return Found{MeterKms(*std::move(opened), observer, SystemClock()), true};
}

void Kept::Keep(const Found& found, const KmsSettings& settings) {
  kms_ = found.kms;
  settings_ = settings;
}

}  // namespace stateward
