// Can this process read what is stored? The newest records of some states, one at a look.
#ifndef STATEWARD_APP_STORE_SAMPLE_H_
#define STATEWARD_APP_STORE_SAMPLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "stateward/clock.h"
#include "stateward/records.h"
#include "stateward/state.h"
#include "stateward/status.h"

namespace stateward {

// Not synchronised.
class StoreSample {
 public:
  explicit StoreSample(const Clock& clock) : clock_(clock) {}

  // Not OK when none of several states' newest records can be read, or none can be listed. Damage
  // of one state is not looked for: the job `examine` does.
  Status Look(Records& records);

 private:
  // Ids are digests, so the first of them are as good as any.
  static constexpr size_t kStates = 16;
  static constexpr int kTries = 3;
  static constexpr int64_t kListAgainUs = int64_t{60} * 1000 * 1000;

  Status List(Records& records);

  const Clock& clock_;
  std::vector<StateId> ids_;
  size_t next_ = 0;
  int64_t listed_us_ = 0;  // when ids_ was listed
};

}  // namespace stateward

#endif  // STATEWARD_APP_STORE_SAMPLE_H_
