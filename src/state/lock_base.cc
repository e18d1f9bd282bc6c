// What a new lock's session starts from.
#include <string>
#include <utility>

#include "state/guarded_write.h"
#include "state/late_writes.h"
#include "state/newest.h"
#include "state/records_gone.h"
#include "state/state_service.h"
#include "state/step_storage.h"

namespace stateward {

Status StateService::CheckMarkOf(const StateId& id, uint64_t mark, uint64_t head) {
  const Status gone = CheckMark(mark, head);
  if (gone.ok()) return gone;
  log_.Error("state " + id.hex() + ": " + gone.detail());
  return Status::Unavailable("the newest record of the state is gone from the store");
}

// The number of the newest record. What it holds is looked at in the same step, for a state that
// has another address now; a lock needs no more of it, so nothing else about it is an error. A
// record never changes what it says: one that was looked at is not read again, where the number
// alone is the smaller question.
Result<uint64_t> StateService::HeadOfLock(const History& history, const StateId& id,
                                          std::string* moved_to) {
  Records& records = history.records();
  const uint64_t known = not_moved_.Get(id);
  if (known > 0 && !records.FrontsAreRoundTrips()) {
    Result<uint64_t> head = records.Head(id);
    if (!head.ok() || *head == known) return head;
  }
  Result<Newest> newest = history.Look(id);
  if (!newest.ok()) return records.Head(id);
  if (!newest->version) return newest->head;
  *moved_to = newest->version->info.moved_to;
  if (moved_to->empty()) not_moved_.Raise(id, newest->head);
  return newest->head;
}

Result<uint64_t> StateService::BaseOfLock(const Grant& grant, const StateId& id,
                                          const std::string& store_id, const std::string& lock_id,
                                          const BaseAsk& ask, std::string* moved_to) {
  const StepStorage storage(storage_, ask.transaction);
  Result<uint64_t> head = HeadOfLock(History(*storage, kms_, store_id), id, moved_to);
  if (!moved_to->empty()) return Status(Code::kConflict, "moved");
  const bool needless = !ask.burn || !WritesMayOutliveLocks(storage_, locker_);
  if (needless || ask.mark > 0) {
    if (head.ok()) STATEWARD_RETURN_IF_ERROR(CheckMarkOf(id, ask.mark, *head));
    if (!head.ok() || needless) return head;
  }
  VersionInfo info;
  info.writer = grant.principal;
  info.operation = "lock";
  info.lock_id = lock_id;
  info.time_ms = clock_.NowMs();
  info.audit = grant.audit;
  Result<uint64_t> base = TakeNextNumber(History(*storage, kms_, store_id), grant.key, id, info);
  if (base.ok()) {
    log_.Warning("state " + id.hex() + ": number " + std::to_string(*base) +
                 " was taken away before a lock was granted; an earlier holder was released by "
                 "force, a write of unknown outcome may still arrive, or the lock service may have "
                 "forgotten a lock");
  }
  return base;
}

}  // namespace stateward
