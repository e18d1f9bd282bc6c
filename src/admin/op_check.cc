// Whether everything that the store holds opens, and the repair of what needs nobody's judgement.
#include <utility>

#include "admin/checker.h"
#include "admin/find_state.h"
#include "admin/run.h"

namespace stateward {
namespace {

Row ProblemRow(const Problem& problem) {
  Row row = NameRow(problem.key);
  // Without a name it can be found by nothing else.
  const bool unnamed = !problem.key && !problem.state_id.empty();
  const std::string where = unnamed ? "; the id of its state is " + problem.state_id : "";
  row.insert(row.end(),
             {Value(std::string(problem.part)), TextOrNull(problem.name),
              Value(problem.reason + where), Value(problem.mend), TextOrNull(problem.state_id)});
  return row;
}

Status DoRepair(AdminService& service, const Problem& problem) {
  switch (problem.repair) {
    case Repair::kNone:
      return Status();
    case Repair::kRemoveCache:
      return service.storage().RemoveCache(problem.name);
    case Repair::kRemoveLeftover:
      return service.storage().RemoveLeftover(problem.name);
    case Repair::kWriteLock: {
      StateId id;
      if (!StateId::Parse(problem.state_id, &id)) return Status::Internal("no state's id");
      return service.locker().RepairDamage(id);
    }
  }
  return Status();
}

}  // namespace

Result<Reply> RunRepair(const Call& call) {
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  Reply reply;
  Checker checker(call.service, *history, {});
  Result<uint64_t> found = checker.RunRepairable([&](const Problem& problem) {
    const bool writes = problem.repair == Repair::kWriteLock;
    std::string result = writes ? "to be written again" : "to be removed";
    if (!call.args.Flag("dry-run")) {
      const Status done = DoRepair(call.service, problem);
      result = !done.ok() ? done.detail() : writes ? "written again" : "removed";
      if (!done.ok()) reply.verdict = Verdict::kFoundWrong;
    }
    reply.rows.push_back(
        {std::string(problem.part), problem.name, problem.reason, std::move(result)});
    return true;
  });
  if (!found.ok()) return std::move(found).status();
  return reply;
}

Result<Reply> RunCheck(const Call& call) {
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  Reply reply;
  reply.stream = [call, history = *std::move(history)](const RowFn& take) -> Result<Verdict> {
    Checker checker(call.service, history, {call.args.Text("glob"), call.args.Flag("read-data")});
    Result<uint64_t> found =
        checker.Run([&take](const Problem& problem) { return take(ProblemRow(problem)); },
                    [&call](uint64_t done, uint64_t total) { call.caller.Report(done, total); });
    if (!found.ok()) return std::move(found).status();
    return *found == 0 ? Verdict::kDone : Verdict::kFoundWrong;
  };
  return reply;
}

}  // namespace stateward
