// The limits of history and of kept uploads, for all states now.
#include <utility>
#include <vector>

#include "admin/run.h"
#include "state/pruner.h"

namespace stateward {

Result<Reply> RunPrune(const Call& call) {
  Result<std::string> store_id = call.service.StoreId();
  if (!store_id.ok()) return std::move(store_id).status();
  const PruneHow how = call.args.Flag("dry-run") ? PruneHow::kOnlyCount : PruneHow::kRemove;
  Storage& storage = call.service.storage();
  Result<PrunedUploads> uploads =
      PruneUploads(storage, call.service.clock(), call.service.uploads(), how);
  if (!uploads.ok()) return std::move(uploads).status();
  std::vector<StateId> states;
  STATEWARD_RETURN_IF_ERROR(storage.List([&states](const StateId& id) {
    states.push_back(id);
    return true;
  }));
  uint64_t versions = 0;
  uint64_t touched = 0;
  uint64_t failed = 0;
  Reply reply;
  for (size_t i = 0; i < states.size(); ++i) {
    Status unreadable;
    Result<uint64_t> pruned =
        PruneState(storage, call.service.locker(), call.service.kms(), call.service.clock(),
                   call.service.rules().history, *store_id, states[i], how, &unreadable);
    call.caller.Report(i + 1, states.size());
    if (pruned.ok()) {
      versions += *pruned;
      touched += *pruned > 0 ? 1 : 0;
    }
    const Status& why = pruned.ok() ? unreadable : pruned.status();
    if (why.ok()) continue;
    ++failed;
    reply.note += states[i].hex() + ": " + why.detail() + "\n";
  }
  reply.verdict = failed == 0 ? Verdict::kDone : Verdict::kFoundWrong;
  reply.rows.push_back({versions, touched, uploads->removed, uploads->bytes, failed});
  return reply;
}

}  // namespace stateward
