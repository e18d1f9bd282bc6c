#include "app/store_sample.h"

#include <string>
#include <utility>

#include "stateward/kms.h"

namespace stateward {

// One folder that cannot be listed must not hide all others: it goes on elsewhere.
Status StoreSample::List(Records& records) {
  Status failed;
  for (const char* digit : {"", "5", "a"}) {
    StateId after;
    if (*digit != '\0') StateId::Parse(std::string(64, *digit), &after);
    std::vector<StateId> ids;
    const Status listed = records.ListAfter(after, [&ids](const StateId& id) {
      ids.push_back(id);
      return ids.size() < kStates;
    });
    const bool none = listed.ok() && *digit == '\0';
    if (none || !ids.empty()) {
      ids_ = std::move(ids);
      return Status();
    }
    if (failed.ok()) failed = listed;
  }
  return failed;
}

Status StoreSample::Look(Records& records) {
  const int64_t now = clock_.SteadyUs();
  // Of an empty store nothing is known until it has states.
  if (ids_.empty() || now - listed_us_ >= kListAgainUs) {
    const Status listed = List(records);
    // No request needs a list; what is known from before goes on.
    if (!listed.ok() && ids_.empty()) {
      return Status(listed).At("what is stored cannot be listed");
    }
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
