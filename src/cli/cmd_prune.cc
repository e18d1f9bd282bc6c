#include "cli/cmd_prune.h"

#include <unistd.h>

#include <memory>
#include <utility>

#include "cli/opened_store.h"
#include "cli/progress.h"
#include "state/pruner.h"
#include "stateward/clock.h"

namespace stateward {
namespace {

struct Outcome {
  uint64_t versions = 0;
  uint64_t states = 0;  // that had any
  uint64_t failed = 0;
  PrunedUploads uploads;
};

Result<Outcome> Run(const CliContext& cli, OpenedStore* store, PruneHow how) {
  Outcome out;
  const StorageSettings& kept = store->config.storage;
  Result<PrunedUploads> uploads = PruneUploads(
      store->storage(), SystemClock(), UploadRules{kept.uploads_days, kept.uploads_max_bytes}, how);
  if (!uploads.ok()) return std::move(uploads).status();
  out.uploads = *uploads;
  Result<std::vector<StateId>> states = AllStates(store->storage());
  if (!states.ok()) return std::move(states).status();
  Progress progress(cli.err, isatty(fileno(cli.err)) == 1, states->size(), SystemClock());
  for (const StateId& id : *states) {
    Result<Pruned> pruned = PruneState(store->storage(), *store->kms, SystemClock(),
                                       store->config.rules.history, store->store_id, id, how);
    if (pruned.ok()) {
      out.versions += pruned->removed;
      out.states += pruned->removed > 0 ? 1 : 0;
    } else {
      progress.Clear();
      Say(cli.err, id.hex() + ": " + pruned.status().detail() + "\n");
      ++out.failed;
    }
    progress.Advance();
  }
  return out;
}

}  // namespace

int CmdPrune(const CliContext& cli, const std::vector<std::string>& args) {
  const bool dry_run = args.size() == 1 && args[0] == "--dry-run";
  if (!args.empty() && !dry_run) {
    Say(cli.err, std::string("usage: statewardctl ") + kPruneHelp);
    return kExitUsage;
  }
  Result<std::unique_ptr<OpenedStore>> store = OpenStore(cli);
  Result<Outcome> done =
      store.ok() ? Run(cli, store->get(), dry_run ? PruneHow::kOnlyCount : PruneHow::kRemove)
                 : Result<Outcome>(store.status());
  if (!done.ok()) {
    Say(cli.err, "statewardctl: prune: " + done.status().detail() + "\n");
    return kExitFailed;
  }
  Say(cli.out, std::to_string(done->versions) + " versions of " + std::to_string(done->states) +
                   " states and " + std::to_string(done->uploads.removed) + " refused uploads (" +
                   std::to_string(done->uploads.bytes) + " bytes) " +
                   (dry_run ? "would be removed\n" : "removed\n"));
  return done->failed == 0 ? kExitOk : kExitFailed;
}

}  // namespace stateward
