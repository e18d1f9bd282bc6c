// A write in the steps of the locker: again where others came first, or where a step's end was not
// confirmed.
#include <algorithm>
#include <exception>
#include <future>
#include <utility>

#include "base/together.h"
#include "state/lock_rights.h"
#include "state/state_service.h"
#include "state/step_storage.h"

namespace stateward {
namespace {

// Two records that take each other's number do so a few times at most: each is one step of another
// request, which then goes on.
constexpr int kWriteTries = 16;

}  // namespace

// Where both looks are round trips, that at the newest record goes out with that at the lock.
Status StateService::WriteUnderLock(const std::string& store_id, const WriteRequest& request,
                                    WriteOutcome* outcome) {
  WriteOutcome first;
  bool ran = false;
  bool again = false;
  EarlyLook early;
  auto run = [&](LockView& view) {
    ran = true;
    const StepStorage storage(storage_, view.transaction);
    GuardedWrite write(*storage, locker_, kms_, clock_, rules_.write, store_id, &early);
    *outcome = again ? write.RunAgain(first, request, view) : write.Run(request, view);
    if (outcome->kind == WriteOutcome::Kind::kDone) view.mark = std::max(view.mark, outcome->n);
  };
  LockKey key = LockKeyOf(*request.grant, rules_.write.legacy_read);
  Status status;
  const auto with_lock = [&] { status = locker_.WithLock(key, run); };
  if (!request.lock_id.empty() && !locker_.HoldsStill() && storage_.FrontsAreRoundTrips()) {
    std::promise<Result<Newest>> looked;
    early = looked.get_future();
    // In a thread of its own, where nobody would catch what is thrown for want of memory.
    const auto look = [&] {
      try {
        const History history(storage_, kms_, store_id);
        looked.set_value(LoadNewest(history, *request.grant, key.id, rules_.write.legacy_read));
      } catch (...) {
        looked.set_exception(std::current_exception());
      }
    };
    RunTogether(look, with_lock);
  } else {
    with_lock();
  }
  for (int i = 1; i < kWriteTries && status.ok(); ++i) {
    if (outcome->kind != WriteOutcome::Kind::kLookAgain) break;
    status = locker_.WithLock(key, run);
  }
  if (status.ok() || !ran || outcome->kind == WriteOutcome::Kind::kRefused) return status;
  // The transaction broke off, or its end was not confirmed. A second one waits for the end of the
  // first, so that what it finds stays: the answer is neither a guess nor a false refusal.
  log_.Warning("a write is looked for: " + status.detail());
  first = std::move(*outcome);
  *outcome = WriteOutcome();
  again = true;
  return locker_.WithLock(key, run);
}

}  // namespace stateward
