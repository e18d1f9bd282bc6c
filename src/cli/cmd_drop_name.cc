#include <memory>
#include <utility>

#include "base/state_name.h"
#include "cli/cmd.h"
#include "cli/command_trail.h"
#include "cli/opened_store.h"
#include "history/forwarding.h"
#include "state/lock_info.h"
#include "state/name_holder.h"
#include "state/newest.h"

namespace stateward {
namespace {

Result<std::vector<StateId>> Holders(TenantIndex& index, OpenedStore& store, const StateKey& key) {
  std::vector<StateId> holders;
  Status looked = index.EachOfName(key, [&](const StateId& id) -> Result<bool> {
    Result<bool> holds = HoldsName(index, store.storage(), *store.kms, store.store_id, id);
    if (holds.ok() && *holds) holders.push_back(id);
    return holds.ok() ? Result<bool>(true) : holds;
  });
  if (!looked.ok()) return looked;
  return holders;
}

std::string Describe(OpenedStore& store, const StateId& id) {
  std::string line = id.hex() + "  ";
  Result<Newest> newest =
      LoadNewest(History(store.storage(), *store.kms, store.store_id), Grant(), id, false);
  if (!newest.ok()) return line + "cannot be read: " + newest.status().detail() + "\n";
  if (!newest->unreadable.ok())
    return line + "cannot be read: " + newest->unreadable.detail() + "\n";
  if (!newest->version) return line + "of terraform-backend, not written since\n";
  const VersionInfo& info = newest->version->info;
  if (info.kind == RecordKind::kMoved) return line + "has the address " + info.moved_to + " now\n";
  return line + "serial " + std::to_string(info.serial) + ", " + FormatTime(info.time_ms) +
         ", by " + info.writer + "\n";
}

// They hold it no more.
Status Drop(const CliContext& cli, OpenedStore& store, TenantIndex& index, const StateKey& key,
            const std::vector<StateId>& holders) {
  CommandTrail trail(store.config, store.backends, cli.user, "drop-name", StateText(key));
  STATEWARD_RETURN_IF_ERROR(trail.Begin());
  Status dropped;
  for (const StateId& id : holders) {
    if (dropped.ok()) dropped = index.MarkDropped(id, StateId::Of(key));
  }
  return trail.End(std::move(dropped));
}

int DropName(const CliContext& cli, const StateKey& key, bool yes) {
  Result<std::unique_ptr<OpenedStore>> opened = OpenStore(cli);
  if (!opened.ok()) return Fail(cli, opened.status());
  OpenedStore& store = **opened;
  TenantIndex index(store.storage());
  Result<std::vector<StateId>> holders = Holders(index, store, key);
  if (!holders.ok()) return Fail(cli, holders.status());
  const std::string name = StateText(key);
  if (holders->empty()) {
    Say(cli.out, "no state of basic auth holds " + name + "\n");
    return kExitOk;
  }
  for (const StateId& id : *holders) Say(cli.out, Describe(store, id));
  const Status dropped = yes ? Drop(cli, store, index, key, *holders) : Status();
  if (!dropped.ok()) return Fail(cli, dropped);
  Say(cli.out, yes ? name + " is free for identified users\n"
                   : "these hold " + name + "; with --yes they do not any more\n");
  return kExitOk;
}

}  // namespace

int CmdDropName(const CliContext& cli, const Args& args) {
  return DropName(cli, args.State(), args.Flag("yes"));
}

}  // namespace stateward
