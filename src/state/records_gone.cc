#include "state/records_gone.h"

#include <string>
#include <utility>

#include "stateward/result.h"

namespace stateward {

Status CheckMark(uint64_t mark, uint64_t head) {
  if (head >= mark) return Status();
  return Status::Unavailable("record " + std::to_string(mark) +
                             " is gone, the newest one left is " + std::to_string(head) +
                             "; see docs/storage.md, \"Records that are gone\"");
}

Status CheckMarkAgain(uint64_t mark, Records& records, const StateId& id, uint64_t seen) {
  if (seen >= mark) return Status();
  Result<uint64_t> head = records.Head(id);
  if (!head.ok()) return std::move(head).status();
  const Status gone = CheckMark(mark, *head);
  return gone.ok() ? gone : Status::Corruption(gone.detail());
}

Status CheckNothingGone(Locker& locker, const LockKey& key, Records& records, uint64_t seen) {
  Result<LockView> view = locker.Look(key);
  return view.ok() ? CheckMarkAgain(view->mark, records, key.id, seen) : Status();
}

}  // namespace stateward
