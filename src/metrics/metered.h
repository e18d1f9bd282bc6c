// Decorators that time each call of a backend and report it. Each owns what it wraps.
// As thread-safe as what they wrap.
#ifndef STATEWARD_METRICS_METERED_H_
#define STATEWARD_METRICS_METERED_H_

#include <memory>

#include "stateward/clock.h"
#include "stateward/kms.h"
#include "stateward/locker.h"
#include "stateward/observer.h"
#include "stateward/storage.h"

namespace stateward {

std::unique_ptr<Storage> MeterStorage(std::unique_ptr<Storage> inner, Observer& observer,
                                      const Clock& clock);
std::unique_ptr<Locker> MeterLocker(std::unique_ptr<Locker> inner, Observer& observer,
                                    const Clock& clock);
std::unique_ptr<Kms> MeterKms(std::unique_ptr<Kms> inner, Observer& observer, const Clock& clock);

}  // namespace stateward

#endif  // STATEWARD_METRICS_METERED_H_
