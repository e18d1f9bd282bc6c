#include "app/backends.h"
#include "cli/cmd.h"
#include "cli/command_trail.h"
#include "config/config.h"
#include "state/store_gate.h"

namespace stateward {

int CmdInit(const CliContext& cli, const Args& args) {
  LoadedConfig loaded = LoadConfig(ReadEnvironment(), cli.env_file);
  for (const std::string& error : loaded.errors) Fail(cli, Status::InvalidArgument(error));
  if (!loaded.errors.empty()) return kExitUsage;
  Result<Backends> backends = OpenBackends(loaded.config, PosixDisk());
  Status made;
  if (backends.ok()) {
    StoreGate gate(*backends->storage, *backends->locker);
    made = gate.Init(args.Flag("locks"), *backends->kms);
    if (made.ok()) made = gate.Store().ok() ? Status() : gate.Store().status();
  } else {
    made = backends.status();
  }
  if (!made.ok()) return Fail(cli, made);
  if (args.Flag("locks")) {
    // Only now it is known what store that is, and the key of its trail.
    (void)CommandTrail(loaded.config, *backends, cli.user, "init --locks", "").End(made);
  }
  Say(cli.out, "the store is ready\n");
  return kExitOk;
}

}  // namespace stateward
