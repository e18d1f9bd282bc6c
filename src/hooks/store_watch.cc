#include "hooks/store_watch.h"

#include <memory>
#include <optional>
#include <utility>

#include "base/hex.h"
#include "base/sha256.h"
#include "jobs/store_jobs.h"

namespace stateward {
namespace {

uint64_t FoundOf(const JobBoard& board, const char* name) {
  const auto it = board.found.find(name);
  return it == board.found.end() ? 0 : it->second;
}

// nullopt when the state has no record that says it, or none that can be opened.
std::optional<StateKey> NameOfState(const JobParts& parts, const std::string& store_id,
                                    const StateId& id) {
  Result<Records::Newest> newest = parts.storage.GetNewestFront(id, Kms::kInfoPrefix);
  if (!newest.ok() || newest->n == 0) return std::nullopt;
  Result<SealedInfo> info = parts.kms.OpenInfo({store_id, id, newest->n}, newest->bytes);
  if (!info.ok()) return std::nullopt;
  return info->key;
}

}  // namespace

Status StoreWatch::FindStaleLocks(const JobParts& parts, std::vector<HookEvent>* out) {
  Result<std::shared_ptr<const StoreIdentity>> store = parts.gate.Store();
  if (!store.ok()) return std::move(store).status();
  const int64_t now_ms = parts.clock.NowMs();
  return pages_.Next(parts.locker, [&](const StateId& id, const Result<LockRecord>& holder) {
    if (!holder.ok() || holder->time_ms == 0 || now_ms - holder->time_ms < stale_ms_) return;
    const std::string name = "lock_" + HexEncode(Sha256(id.hex() + holder->id)).substr(0, 32);
    round_.insert(name);
    if (told_.count(name) > 0) return;
    JsonWriter data;
    data.BeginObject();
    const std::optional<StateKey> key = NameOfState(parts, (*store)->store_id, id);
    if (key) data.Key("state").String(key->project + "/" + key->name);
    if (key && !key->tenant.empty()) data.Key("namespace").String(ShortNamespace(key->tenant));
    data.Key("state_id").String(id.hex()).Key("principal").String(holder->principal);
    data.Key("lock_id").String(holder->id).Key("operation").String(holder->operation);
    data.Key("since").String(HookTime(holder->time_ms)).EndObject();
    out->push_back(MakeHookEvent(name, kEventStaleLock, HookTime(now_ms), std::move(data)));
  });
}

bool StoreWatch::GoOn() {
  pages_.GoOn();
  if (pages_.begun()) return true;
  told_ = std::exchange(round_, {});
  return false;
}

void StoreWatch::FindDamage(const JobBoard& board, int64_t now_ms, std::vector<HookEvent>* out) {
  const uint64_t damaged = FoundOf(board, kDamagedStates);
  const uint64_t unreadable = FoundOf(board, kUnreadableStates);
  if (damaged + unreadable == 0) return;
  // Again when there are others.
  const std::string id = "check_" + std::to_string(damaged) + "_" + std::to_string(unreadable);
  round_.insert(id);
  if (told_.count(id) > 0) return;
  JsonWriter data;
  data.BeginObject().Key("damaged").Uint(damaged).Key("unreadable").Uint(unreadable).EndObject();
  out->push_back(MakeHookEvent(id, kEventCheckFailed, HookTime(now_ms), std::move(data)));
}

Result<std::vector<HookEvent>> StoreWatch::Look(const JobParts& parts) {
  std::vector<HookEvent> out;
  const JobBoard board = JobBoard::Read(folder_);
  if (FoundOf(board, kJobsOfStore) == 0) {
    pages_.Reset();
    round_ = told_;  // nothing is looked for, and so nothing is over
    return out;
  }
  STATEWARD_RETURN_IF_ERROR(FindStaleLocks(parts, &out));
  FindDamage(board, parts.clock.NowMs(), &out);
  return out;
}

}  // namespace stateward
