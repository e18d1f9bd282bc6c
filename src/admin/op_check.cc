// Whether everything that the store holds opens.
#include <utility>

#include "admin/checker.h"
#include "admin/find_state.h"
#include "admin/run.h"

namespace stateward {
namespace {

Row ProblemRow(const Problem& problem) {
  Row row = NameRow(problem.key);
  row.insert(row.end(), {Value(std::string(problem.part)), TextOrNull(problem.name),
                         Value(problem.reason), Value(problem.mend), TextOrNull(problem.state_id)});
  return row;
}

}  // namespace

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
