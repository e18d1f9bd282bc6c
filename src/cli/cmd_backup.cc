#include <unistd.h>

#include <memory>

#include "base/counted.h"
#include "cli/cmd.h"
#include "cli/command_trail.h"
#include "cli/opened_store.h"
#include "cli/progress.h"
#include "moving/backup.h"
#include "stateward/clock.h"

namespace stateward {
namespace {

std::string Text(const BackupCounts& counts) {
  return Counted(counts.states, "state") + " with " + Counted(counts.records, "record") + ", " +
         Counted(counts.uploads, "kept upload") + ", " + Counted(counts.claims, "claim") + ", " +
         Counted(counts.blobs, "untouched blob") + " of terraform-backend";
}

struct Closer {
  void operator()(FILE* file) const { (void)std::fclose(file); }
};
using File = std::unique_ptr<FILE, Closer>;

Result<File> OpenBackup(const CliContext& cli, const Args& args) {
  Result<FILE*> file = cli.OpenInput(args.Text("file"));
  if (!file.ok()) return std::move(file).status();
  return File(*file);
}

}  // namespace

int CmdBackup(const CliContext& cli, const Args&) {
  if (isatty(fileno(cli.out)) == 1) return FailUsage(cli, "give --output FILE");
  Result<std::unique_ptr<OpenedStore>> store = OpenStore(cli);
  if (!store.ok()) return Fail(cli, store.status());
  Progress progress(cli.err, cli.ShowsProgress(), SystemClock());
  Result<BackupCounts> done =
      WriteBackup((*store)->storage(), *(*store)->kms, SystemClock(), cli.out,
                  [&progress](uint64_t n, uint64_t total) { progress.Show(n, total); });
  progress.Clear();
  CommandTrail trail((*store)->config, (*store)->backends, cli.user, "backup",
                     done.ok() ? Text(*done) : "");
  (void)trail.End(done.ok() ? Status() : done.status());
  if (!done.ok()) return Fail(cli, done.status());
  if (!cli.quiet) {
    Say(cli.err, Text(*done) + "\nthe keys are not in it: keep them elsewhere (docs/kms.md)\n");
  }
  return kExitOk;
}

int CmdBackupVerify(const CliContext& cli, const Args& args) {
  Result<KmsSettings> settings = KmsSettingsOf(cli);
  if (!settings.ok()) return Fail(cli, settings.status());
  Result<std::unique_ptr<EnvelopeKms>> kms = OpenEnvelopeKms(*settings);
  if (!kms.ok()) return Fail(cli, kms.status());
  Result<File> file = OpenBackup(cli, args);
  if (!file.ok()) return Fail(cli, file.status());
  Result<BackupCounts> done = VerifyBackup(
      file->get(), **kms, [&cli](const std::string& what) { Say(cli.out, what + "\n"); });
  if (!done.ok()) return Fail(cli, done.status());
  Say(cli.out,
      Text(*done) + ": " +
          (done->bad == 0 ? "whole, and everything opens"
                          : Counted(done->bad, "of them does", "of them do") + " not open") +
          "\n");
  return done->bad == 0 ? kExitOk : kExitFailed;
}

int CmdRestore(const CliContext& cli, const Args& args) {
  if (args.Flag("new-identity") == args.Flag("old-identity")) {
    return FailUsage(cli, "give one of --new-identity and --old-identity");
  }
  const std::string& into = args.Text("into");
  LoadedConfig loaded = LoadConfig(EnvMap(), cli.SettingsFile(into));
  if (!loaded.errors.empty()) {
    return Fail(cli, Status::InvalidArgument(into + ": " + loaded.errors.front()));
  }
  Result<Backends> backends = OpenBackends(loaded.config, PosixDisk());
  if (!backends.ok()) return Fail(cli, backends.status());
  Result<File> file = OpenBackup(cli, args);
  if (!file.ok()) return Fail(cli, file.status());
  const bool fresh = args.Flag("new-identity");
  Result<BackupCounts> done =
      RestoreBackup(file->get(), *backends->kms, *backends->storage,
                    fresh ? RestoreAs::kNewIdentity : RestoreAs::kOldIdentity,
                    [&cli](const std::string& what) { Say(cli.err, "damaged: " + what + "\n"); });
  // Only now it is known what store that is, and the key of its trail.
  CommandTrail trail(loaded.config, *backends, cli.user, "restore", args.Text("file"));
  (void)trail.End(done.ok() ? Status() : done.status());
  if (!done.ok()) return Fail(cli, done.status());
  Say(cli.out, Text(*done) + " are there. The store is closed; `statewardctl --env-file " + into +
                   " init --locks` opens it\n");
  if (!fresh) {
    Say(cli.out, "It is the old store: make sure that no server serves the old place any more\n");
  }
  if (done->bad > 0) {
    Say(cli.err,
        std::to_string(done->bad) +
            " of them did not open, and are there as they were: `statewardctl check` names "
            "what to do\n");
  }
  return done->bad == 0 ? kExitOk : kExitFailed;
}

}  // namespace stateward
