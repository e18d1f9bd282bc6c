// The states of a store.
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "admin/all_states.h"
#include "admin/find_state.h"
#include "admin/run.h"
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

bool Fits(const Call& call, const Listed& one) {
  const Args& args = call.args;
  const StateSummary& state = one.state;
  // Of one whose name nobody can read it cannot be told that it does not fit.
  const bool named = state.trouble.empty() || !state.key.project.empty();
  if (named && !FitsGlob(args.Text("glob"), state.key)) return false;
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

// A list of so many comes in the order of names unasked; a longer one as it is read, so that no
// list has to fit into memory.
constexpr size_t kSortedUnasked = 1000;

// Calls `take` for each state behind the cursor that fits, until it returns false.
Status EachListed(const Call& call, const std::function<bool(Listed&&)>& take) {
  const std::string cursor = call.args.Text("cursor");
  StateId behind;
  if (!cursor.empty() && !StateId::Parse(cursor, &behind)) {
    return Status::InvalidArgument("--cursor is not one that a page has named");
  }
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  Result<std::map<std::string, LockRecord>> locks = LocksById(call.service.locker());
  if (!locks.ok()) return std::move(locks).status();
  const auto each = [&](StateSummary&& state) {
    auto lock = locks->find(state.id.hex());
    Listed one{std::move(state), {}};
    if (lock != locks->end()) one.lock = lock->second;
    return !MaySee(call, one.state) || !Fits(call, one) || take(std::move(one));
  };
  return EachState(*history, cursor, each,
                   [&call](uint64_t done, uint64_t total) { call.caller.Report(done, total); });
}

// Gives rows until nobody wants more.
void Give(const std::vector<Listed>& all, const RowFn& take, bool* enough) {
  for (const Listed& one : all) {
    if (!*enough) *enough = !take(RowOf(one));
  }
}

// One page. What the caller may not see makes no page the last but one.
Result<Reply> Page(const Call& call, uint64_t limit) {
  auto listed = std::make_shared<std::vector<Listed>>();
  Reply reply;
  STATEWARD_RETURN_IF_ERROR(EachListed(call, [&](Listed&& one) {
    if (limit > 0 && listed->size() == limit) {
      reply.next = listed->back().state.id.hex();
      return false;
    }
    listed->push_back(std::move(one));
    return true;
  }));
  reply.stream = [listed](const RowFn& take) -> Result<Verdict> {
    bool enough = false;
    Give(*listed, take, &enough);
    return Verdict::kDone;
  };
  return reply;
}

Result<Verdict> WholeList(const Call& call, const RowFn& take) {
  std::vector<Listed> waiting;
  const bool sorts = call.args.Has("sort");
  bool streams = false;
  bool enough = false;
  STATEWARD_RETURN_IF_ERROR(EachListed(call, [&](Listed&& one) {
    waiting.push_back(std::move(one));
    if (!sorts && waiting.size() > kSortedUnasked) streams = true;
    if (streams) {
      Give(waiting, take, &enough);
      waiting.clear();
    }
    return !enough;
  }));
  if (!streams) Sort(call.args.Text("sort"), &waiting);
  Give(waiting, take, &enough);
  return Verdict::kDone;
}

}  // namespace

Result<Reply> RunList(const Call& call) {
  const uint64_t limit = call.args.Number("limit");
  const bool pages = limit > 0 || call.args.Has("cursor");
  if (pages && call.args.Has("sort")) {
    return Status::InvalidArgument("sort is for whole lists: pages come in an order of their own");
  }
  AdminService::ListTurn turn = call.service.TakeListTurn(call.caller.principal);
  if (!turn) return ListUnderWay();
  if (pages) return Page(call, limit);
  Reply reply;
  reply.stream = [call, turn = std::move(turn)](const RowFn& take) {
    return WholeList(call, take);
  };
  return reply;
}

}  // namespace stateward
