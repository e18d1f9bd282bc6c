// What is damaged in the file of a local lock, and writing it again.
#include <utility>

#include "lock/local_lock.h"
#include "lock/lock_file.h"
#include "lock/lock_record.h"

namespace stateward {

Result<std::vector<LockDamage>> LocalLock::Damage(const StateId& id) {
  std::vector<LockDamage> damage;
  Result<Held> held = Open(id, false);
  if (!held.ok()) return std::move(held).status();
  if (!held->file.valid()) return damage;
  Result<std::vector<std::string>> copies = DamagedCopies(disk_, held->file.get(), held->slot);
  if (!copies.ok()) return std::move(copies).status();
  for (std::string& what : *copies) damage.push_back({std::move(what), true});
  for (uint64_t n = held->book.tags.size() / kReleasedTagBytes; n > 0; --n) {
    const uint64_t number = held->book.releases - n;
    Result<Bytes> bytes = ReadReleasedEntry(disk_, held->file.get(), SlotOfRelease(number));
    if (!bytes.ok()) return std::move(bytes).status();
    if (DecodeReleasedId(number, *bytes).ok()) continue;
    damage.push_back({"the entry of a released ID: one that resembles it counts as released"});
  }
  return damage;
}

// The copy that counts is written once more with its notes, then its successor with the same
// content in the other place.
Status LocalLock::RepairDamage(const StateId& id) {
  Result<Held> held = Open(id, false);
  if (!held.ok()) return std::move(held).status();
  if (!held->file.valid() || held->slot.sequence == 0) return Status();
  Result<std::vector<std::string>> copies = DamagedCopies(disk_, held->file.get(), held->slot);
  if (!copies.ok()) return std::move(copies).status();
  if (copies->empty()) return Status();
  STATEWARD_RETURN_IF_ERROR(SettleLockSlot(disk_, held->file.get(), held->slot));
  return Store(id, &*held, 0);
}

}  // namespace stateward
