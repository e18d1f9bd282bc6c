#include "cli/cmd_init.h"

#include "app/backends.h"
#include "config/config.h"
#include "state/store_gate.h"

namespace stateward {

int CmdInit(const CliContext& context, const std::vector<std::string>& arguments) {
  bool locks = false;
  for (const std::string& argument : arguments) {
    if (argument != "--locks") {
      fprintf(context.err, "statewardctl: init knows --locks only\n");
      return 2;
    }
    locks = true;
  }
  LoadedConfig loaded = LoadConfig(ReadEnvironment(), context.env_file);
  for (const std::string& error : loaded.errors) fprintf(context.err, "error: %s\n", error.c_str());
  if (!loaded.errors.empty()) return 1;
  Result<Backends> backends = OpenBackends(loaded.config, PosixDisk());
  Status made;
  if (backends.ok()) {
    StoreGate gate(*backends->storage, *backends->locker);
    made = gate.Init(locks, *backends->kms);
    if (made.ok()) made = gate.Store().ok() ? Status() : gate.Store().status();
  } else {
    made = backends.status();
  }
  if (!made.ok()) {
    fprintf(context.err, "statewardctl: %s\n", made.detail().c_str());
    return 1;
  }
  fprintf(context.out, "the store is ready\n");
  return 0;
}

}  // namespace stateward
