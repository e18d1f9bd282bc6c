// What differs between two versions of a state.
#include <utility>

#include "admin/run.h"
#include "admin/state_diff.h"
#include "admin/state_versions.h"

namespace stateward {
Result<Reply> RunDiff(const Call& call) {
  Result<FoundState> state = FindState(call);
  if (!state.ok()) return std::move(state).status();
  const bool values = call.args.Flag("values");
  STATEWARD_RETURN_IF_ERROR(MayShowValues(call, values));
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  Result<uint64_t> after = call.args.Number("to");
  if (*after == 0) after = NewestDocument(*history, *state, state->newest.head);
  if (!after.ok()) return std::move(after).status();
  Result<uint64_t> before = call.args.Number("from");
  if (*before == 0) before = NewestDocument(*history, *state, *after - 1);
  if (!before.ok()) return std::move(before).status();
  Result<DocumentDiff> diff = DiffDocuments(OpensVersion(*history, *state, *before),
                                            OpensVersion(*history, *state, *after), values);
  if (!diff.ok()) return std::move(diff).status();
  Reply reply;
  reply.rows = DiffRows(*diff, values);
  reply.note = "version " + std::to_string(*before) + " to " + std::to_string(*after) + ": " +
               DiffSummary(*diff);
  return reply;
}

}  // namespace stateward
