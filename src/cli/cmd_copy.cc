#include <chrono>
#include <thread>

#include "app/backends.h"
#include "cli/cmd.h"
#include "cli/command_trail.h"
#include "cli/progress.h"
#include "config/config.h"
#include "moving/store_copier.h"
#include "postgres/pg_connection.h"
#include "stateward/clock.h"
#include "stateward/how_to_open.h"

namespace stateward {
namespace {

// A host that has a folder sees each change of its identity file at once; over a network a server
// looks again after 5 s. A write that is on its way for more than 2 s is not acknowledged before
// another look (kLongWriteUs in state/state_write.cc). The rest is room for a busy machine.
constexpr int64_t kSettleMs = 5000;
constexpr int64_t kSettleOverNetworkMs = 16000;

struct Place {
  Config config;
  Backends backends;
  std::string text;
};

// For people, without anything secret.
std::string TextOf(const Config& config) {
  if (config.storage.backend == "fs") return "fs " + config.storage.fs_dir;
  if (config.storage.backend == "s3") {
    return "s3 " + config.s3.endpoint + "/" + config.s3.bucket + "/" + config.s3.prefix;
  }
  std::string text = "postgres";
  Result<PgTarget> target = PgTarget::Parse(config.postgres.pool.connection);
  if (!target.ok()) return text;
  for (const auto& [name, value] : target->values()) {
    if (name != "host" && name != "port" && name != "dbname") continue;
    text += " " + name + "=" + std::string(value.Reveal());
  }
  return text;
}

Result<Place> OpenPlace(const EnvMap& environment, const std::string& env_file) {
  LoadedConfig loaded = LoadConfig(environment, env_file);
  if (!loaded.errors.empty()) return Status::InvalidArgument(loaded.errors.front());
  Place place;
  place.config = std::move(loaded.config);
  Result<Backends> backends = OpenBackends(place.config, PosixDisk());
  if (!backends.ok()) return std::move(backends).status();
  place.backends = *std::move(backends);
  place.text = TextOf(place.config);
  return place;
}

}  // namespace

int CmdCopy(const CliContext& cli, const Args& args) {
  Result<Place> from = OpenPlace(ReadEnvironment(), cli.env_file);
  if (!from.ok()) return Fail(cli, from.status());
  // Nothing of the environment is mixed in.
  Result<Place> to = OpenPlace(EnvMap(), cli.SettingsFile(args.Text("to-env-file")));
  if (!to.ok()) return Fail(cli, Status(to.status()).At(args.Text("to-env-file")));
  Progress progress(cli.err, cli.ShowsProgress(), SystemClock());
  Storage& source = *from->backends.storage;
  const auto say = [&](const std::string& text) {
    progress.Clear();
    if (!cli.quiet) Say(cli.err, text + "\n");
  };
  StoreCopier copier(
      {source, *from->backends.locker, *to->backends.storage, *to->backends.locker,
       *to->backends.kms, from->text, to->text,
       source.WritesMayArriveLate() ? kSettleOverNetworkMs : kSettleMs,
       static_cast<int64_t>(args.Number("wait")) * 1000,
       [](int64_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }, say,
       [&progress](uint64_t done, uint64_t total) { progress.Show(done, total); }});
  CommandTrail trail(from->config, from->backends, cli.user, "copy", "to " + to->text);
  const Status begun = trail.Begin();
  if (!begun.ok()) return Fail(cli, begun);
  if (args.Flag("give-up")) {
    const Status open = trail.End(copier.GiveUp());
    if (!open.ok()) return Fail(cli, open);
    Say(cli.out, "the source is open again; the target stays closed\n");
    return kExitOk;
  }
  Result<PassCounts> done = copier.Run();
  progress.Clear();
  (void)trail.End(done.ok() ? Status() : done.status());
  if (!done.ok()) {
    const int code = Fail(cli, done.status());
    Result<StoreIdentity> now = source.ReadIdentity();
    if (now.ok() && IsClosed(*now) &&
        WhyClosed(*now).compare(0, kWhyMoving.size(), kWhyMoving) == 0) {
      Say(cli.err, "the source is closed: " + WhyClosed(*now) +
                       "\nrun the command again to go on, or with --give-up to open it again\n");
    }
    return code;
  }
  Say(cli.out, "the store is at " + to->text + " now; " + from->text +
                   " is closed. Start the servers with " + args.Text("to-env-file") + "\n");
  return kExitOk;
}

}  // namespace stateward
