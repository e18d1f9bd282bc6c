#include "base/store_format.h"
#include "cli/cmd.h"
#include "cli/command_trail.h"
#include "cli/opened_store.h"
#include "cli/running_servers.h"
#include "state/key_notice.h"

namespace stateward {
namespace {

// A rekey exchanges the identity file once.
constexpr int kTries = 4;

Status WriteFormat(const CliContext& cli, Storage& storage, StoreIdentity was, uint32_t format) {
  for (int i = 0; i < kTries; ++i) {
    StoreIdentity now = was;
    now.format = format;
    const Status written = storage.WriteIdentity(now, &was);
    if (written.ok()) {
      Say(cli.out, "raised the store from format " + std::to_string(was.format) + " to format " +
                       std::to_string(format) + "\n");
    }
    if (written.code() != Code::kConflict) return written;
    Result<StoreIdentity> again = storage.ReadIdentity();
    if (!again.ok()) return std::move(again).status();
    was = *std::move(again);
  }
  return Status::Unavailable("the identity file is exchanged by others all the time");
}

Status Raise(const CliContext& cli, const Args& args, OpenedStore& store) {
  Storage& storage = store.storage();
  const uint32_t newest = NewestStoreFormat();
  Result<StoreIdentity> was = storage.ReadIdentity();
  if (!was.ok()) return std::move(was).status();
  if (was->format == newest) {
    Say(cli.out, "the store has format " + std::to_string(newest) + ", the newest of this build\n");
    return Status();
  }
  Result<Servers> servers = ServersOf(storage, SystemClock().NowMs());
  if (!servers.ok()) return std::move(servers).status();
  std::vector<std::string> lack, silent;
  for (const KeyNotice& each : servers->running) {
    if (each.format < newest) lack.push_back(each.server);
  }
  for (const KeyNotice& each : servers->silent) silent.push_back(each.server);
  const std::string format = "format " + std::to_string(newest);
  STATEWARD_RETURN_IF_ERROR(
      CheckServersKnow(cli, args, format, lack, silent, "Put this build in their place first"));
  const std::string change = "format " + std::to_string(was->format) + " to " + format;
  if (args.Flag("dry-run")) {
    Say(cli.out, "would raise the store from " + change + "\n");
    return Status();
  }
  CommandTrail trail(store.config, store.backends, cli.user, "upgrade", change);
  STATEWARD_RETURN_IF_ERROR(trail.Begin());
  return trail.End(WriteFormat(cli, storage, *std::move(was), newest));
}

}  // namespace

int CmdUpgrade(const CliContext& cli, const Args& args) {
  Result<std::unique_ptr<OpenedStore>> store = OpenStore(cli);
  if (!store.ok()) return Fail(cli, store.status());
  const Status raised = Raise(cli, args, **store);
  return raised.ok() ? kExitOk : Fail(cli, raised);
}

}  // namespace stateward
