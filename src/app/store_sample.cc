#include "app/store_sample.h"

#include <utility>

#include "stateward/kms.h"

namespace stateward {

Status StoreSample::Look(Records& records) {
  const int64_t now = clock_.SteadyUs();
  if (listed_us_ == 0 || now - listed_us_ >= kListAgainUs) {
    std::vector<StateId> ids;
    const Status listed = records.List([&ids](const StateId& id) {
      ids.push_back(id);
      return ids.size() < kStates;
    });
    // No request needs a list; what is known from before goes on.
    if (listed.ok()) ids_ = std::move(ids);
    listed_us_ = now;
  }
  Status failed;
  for (int i = 0; i < kTries && !ids_.empty(); ++i) {
    const StateId& id = ids_[next_++ % ids_.size()];
    Result<Records::Newest> newest = records.GetNewestFront(id, Kms::kInfoPrefix);
    if (newest.ok() || newest.status().code() == Code::kCorruption) return Status();
    failed = std::move(newest).status().At("what is stored cannot be read: state " + id.hex());
  }
  return failed;
}

}  // namespace stateward
