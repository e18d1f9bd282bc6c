#include "hooks/store_watch.h"

#include <memory>
#include <utility>

#include "base/hex.h"
#include "base/sha256.h"
#include "jobs/job_board.h"
#include "jobs/store_jobs.h"

namespace stateward {
namespace {

// Looking at each costs up to a round trip.
constexpr size_t kMostLocks = 1000;
// A process that has told of so many begins again.
constexpr size_t kMostTold = 10000;

uint64_t FoundOf(const JobBoard& board, const char* name) {
  const auto it = board.found.find(name);
  return it == board.found.end() ? 0 : it->second;
}

// "" when the state has no record that says it, or none that can be opened.
std::string NameOfState(const JobParts& parts, const std::string& store_id, const StateId& id) {
  Result<Records::Newest> newest = parts.storage.GetNewestFront(id, Kms::kInfoPrefix);
  if (!newest.ok() || newest->n == 0) return "";
  Result<SealedInfo> info = parts.kms.OpenInfo({store_id, id, newest->n}, newest->bytes);
  return info.ok() ? info->key.project + "/" + info->key.name : "";
}

}  // namespace

Status StoreWatch::FindStaleLocks(const JobParts& parts, std::vector<HookEvent>* out) {
  Result<std::shared_ptr<const StoreIdentity>> store = parts.gate.Store();
  if (!store.ok()) return std::move(store).status();
  const int64_t now_ms = parts.clock.NowMs();
  size_t seen = 0;
  return parts.locker.EachHeld([&](const StateId& id, const Result<LockRecord>& holder) {
    if (!holder.ok() || holder->time_ms == 0 || now_ms - holder->time_ms < stale_ms_) {
      return ++seen < kMostLocks;
    }
    const std::string name = "lock_" + HexEncode(Sha256(id.hex() + holder->id)).substr(0, 32);
    if (told_.count(name) > 0) return ++seen < kMostLocks;
    JsonWriter data;
    data.BeginObject();
    const std::string state = NameOfState(parts, (*store)->store_id, id);
    if (!state.empty()) data.Key("state").String(state);
    data.Key("state_id").String(id.hex()).Key("principal").String(holder->principal);
    data.Key("lock_id").String(holder->id).Key("operation").String(holder->operation);
    data.Key("since").String(HookTime(holder->time_ms)).EndObject();
    out->push_back(MakeHookEvent(name, kEventStaleLock, HookTime(now_ms), std::move(data)));
    return ++seen < kMostLocks;
  });
}

Result<std::vector<HookEvent>> StoreWatch::Look(const JobParts& parts) {
  std::vector<HookEvent> out;
  const JobBoard board = JobBoard::Read(folder_);
  if (FoundOf(board, kJobsOfStore) == 0) return out;
  if (told_.size() > kMostTold) told_.clear();
  STATEWARD_RETURN_IF_ERROR(FindStaleLocks(parts, &out));
  const uint64_t damaged = FoundOf(board, kDamagedStates);
  const uint64_t unreadable = FoundOf(board, kUnreadableStates);
  if (damaged + unreadable == 0) return out;
  // Again when there are others.
  const std::string id = "check_" + std::to_string(damaged) + "_" + std::to_string(unreadable);
  if (told_.count(id) > 0) return out;
  JsonWriter data;
  data.BeginObject().Key("damaged").Uint(damaged).Key("unreadable").Uint(unreadable).EndObject();
  out.push_back(
      MakeHookEvent(id, kEventCheckFailed, HookTime(parts.clock.NowMs()), std::move(data)));
  return out;
}

}  // namespace stateward
