// The states of a store.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "admin/find_state.h"
#include "admin/run.h"
#include "admin/summaries.h"
#include "base/glob.h"

namespace stateward {
namespace {

struct Listed {
  StateSummary state;
  std::optional<LockRecord> lock;
};

// By the state's id.
Result<std::map<std::string, LockRecord>> LocksById(Locker& locker) {
  std::map<std::string, LockRecord> locks;
  STATEWARD_RETURN_IF_ERROR(
      locker.EachHeld([&locks](const StateId& id, const Result<LockRecord>& holder) {
        // One that does not open holds all the same.
        locks[id.hex()] = holder.ok() ? *holder : LockRecord();
        return true;
      }));
  return locks;
}

// Ids behind the one of `cursor`.
Result<std::vector<StateId>> IdsBehind(Records& records, const std::string& cursor) {
  std::vector<StateId> ids;
  STATEWARD_RETURN_IF_ERROR(records.List([&](const StateId& id) {
    if (id.hex() > cursor) ids.push_back(id);
    return true;
  }));
  return ids;
}

// Whose name nobody can read is for those who see the whole store.
bool MaySee(const Call& call, const StateSummary& state) {
  if (!state.trouble.empty()) return call.caller.on_store.Has(Right::kSee);
  if (call.caller.tenant && state.key.tenant != *call.caller.tenant) return false;
  return call.caller.Sees(state.key);
}

bool Fits(const Call& call, const Listed& one) {
  const Args& args = call.args;
  const StateSummary& state = one.state;
  if (state.trouble.empty() && !FitsGlob(args.Text("glob"), state.key)) return false;
  if (!state.trouble.empty() && args.Has("glob")) return false;
  if (state.deleted() != args.Flag("deleted")) return false;
  if (args.Flag("locked") && !one.lock) return false;
  const int64_t before_ms = call.service.clock().NowMs() - args.AgeMs("older");
  return !args.Has("older") || (state.version > 0 && state.info.time_ms < before_ms);
}

std::string ConditionOf(const StateSummary& state) {
  if (state.info.kind == RecordKind::kMoved) return "moved";
  return state.deleted() ? "deleted" : "ok";
}

int CompareNames(const Listed& a, const Listed& b) {
  const StateKey& x = a.state.key;
  const StateKey& y = b.state.key;
  if (int c = x.project.compare(y.project)) return c;
  if (int c = x.name.compare(y.name)) return c;
  return x.tenant.compare(y.tenant);
}

void Sort(const std::string& by, std::vector<Listed>* all) {
  const auto key = [&by](const Listed& one) -> uint64_t {
    const VersionInfo& info = one.state.info;
    if (by == "size") return info.size;
    if (by == "time") return static_cast<uint64_t>(std::max<int64_t>(info.time_ms, 0));
    if (by == "serial") return info.serial;
    return by == "versions" ? one.state.records : 0;
  };
  // The largest and the newest first; by name from a to z.
  std::sort(all->begin(), all->end(), [&key](const Listed& a, const Listed& b) {
    if (key(a) != key(b)) return key(a) > key(b);
    return CompareNames(a, b) < 0;
  });
}

Row RowOf(const Listed& one) {
  const StateSummary& state = one.state;
  const bool opens = state.trouble.empty();
  Row row = NameRow(opens ? std::optional<StateKey>(state.key) : std::nullopt);
  if (!opens || state.version == 0) {
    row.emplace_back(opens ? std::string("empty") : state.trouble);
    row.resize(8);
  } else {
    row.insert(row.end(),
               {Value(ConditionOf(state)), Value(state.info.serial), Value(state.info.size),
                Value(state.info.time_ms), TextOrNull(state.info.writer), Value(state.version)});
  }
  row.push_back(state.records);
  if (one.lock) {
    row.insert(row.end(), {Value(one.lock->id), TextOrNull(one.lock->principal),
                           TimeOrNull(one.lock->time_ms)});
  } else {
    row.resize(row.size() + 3);
  }
  row.push_back(state.id.hex());
  return row;
}

// So many states are looked at between two looks at whether the page is full.
constexpr size_t kStride = 512;

// At most `limit` (0: all) states behind the cursor that fit, in the order of their ids. *next:
// where the next page begins; "" = there is none.
Status Collect(const Call& call, uint64_t limit, std::vector<Listed>* out, std::string* next) {
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  Result<std::map<std::string, LockRecord>> locks = LocksById(call.service.locker());
  if (!locks.ok()) return std::move(locks).status();
  Result<std::vector<StateId>> ids = IdsBehind(history->records(), call.args.Text("cursor"));
  if (!ids.ok()) return std::move(ids).status();
  const auto take = [&](StateSummary&& state) {
    auto lock = locks->find(state.id.hex());
    Listed one{std::move(state), {}};
    if (lock != locks->end()) one.lock = lock->second;
    if (!MaySee(call, one.state) || !Fits(call, one)) return;
    // What the caller may not see makes no page the last but one.
    if (limit == 0 || out->size() < limit) {
      out->push_back(std::move(one));
    } else {
      *next = out->back().state.id.hex();
    }
  };
  for (size_t from = 0; from < ids->size() && next->empty(); from += kStride) {
    const auto begin = ids->begin() + static_cast<std::ptrdiff_t>(from);
    const size_t now = std::min(kStride, ids->size() - from);
    STATEWARD_RETURN_IF_ERROR(EachSummary(
        *history, {begin, begin + static_cast<std::ptrdiff_t>(now)}, take,
        [&](uint64_t done, uint64_t) { call.caller.Report(from + done, ids->size()); }));
  }
  return Status();
}

}  // namespace

Result<Reply> RunList(const Call& call) {
  const uint64_t limit = call.args.Number("limit");
  const bool pages = limit > 0 || call.args.Has("cursor");
  if (pages && call.args.Has("sort")) {
    return Status(Code::kConflict, "sort is for whole lists: pages come in an order of their own");
  }
  AdminService::ListTurn turn = call.service.TakeListTurn(call.caller.principal);
  if (!turn) return ListUnderWay();
  auto listed = std::make_shared<std::vector<Listed>>();
  Reply reply;
  STATEWARD_RETURN_IF_ERROR(Collect(call, limit, listed.get(), &reply.next));
  if (!pages) Sort(call.args.Text("sort"), listed.get());
  reply.stream = [listed](const RowFn& take) -> Result<Verdict> {
    for (const Listed& one : *listed) {
      if (!take(RowOf(one))) break;
    }
    return Verdict::kDone;
  };
  return reply;
}

}  // namespace stateward
