#include "cli/cmd_rekey.h"

#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "cli/opened_store.h"
#include "cli/progress.h"
#include "cli/rekeyer.h"

namespace stateward {
namespace {

struct Options {
  bool dry_run = false;
  std::string to_env_file;
};

std::optional<Options> Parse(const std::vector<std::string>& args) {
  Options options;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--dry-run") {
      options.dry_run = true;
    } else if (args[i] == "--to-env-file" && i + 1 < args.size()) {
      options.to_env_file = args[++i];
    } else {
      return std::nullopt;
    }
  }
  return options;
}

// The keys that FILE names; nothing of the environment is mixed in.
Result<std::shared_ptr<EnvelopeKms>> KmsOfFile(const std::string& file) {
  LoadedConfig loaded = LoadConfig(EnvMap(), file);
  if (!loaded.errors.empty()) return Status::InvalidArgument(loaded.errors.front());
  Result<std::unique_ptr<EnvelopeKms>> kms = OpenEnvelopeKms(loaded.config.kms);
  if (!kms.ok()) return std::move(kms).status();
  return std::shared_ptr<EnvelopeKms>(*std::move(kms));
}

std::string Uploads(Storage& storage, const KeyTag& target) {
  Result<std::vector<QuarantineEntry>> entries = storage.ListQuarantine();
  if (!entries.ok()) return "";
  uint64_t others = 0;
  for (const QuarantineEntry& entry : *entries) {
    Result<Bytes> record = storage.GetQuarantined(entry);
    Result<Header> header = record.ok() ? ParseHeader(*record) : Result<Header>(record.status());
    if (header.ok() && !(TagOf(*header) == target)) ++others;
  }
  if (others == 0) return "";
  return std::to_string(others) +
         " uploads in quarantine stay under their keys (statewardctl keys)\n";
}

// Each waits for a disk or a service most of the time; more would crowd those out who are served.
constexpr size_t kThreads = 4;

RekeyCounts DoAll(const CliContext& cli, const Options& options, OpenedStore* store,
                  EnvelopeKms* to, const KeyTag& target, const std::vector<StateId>& states) {
  Progress progress(cli.err, isatty(fileno(cli.err)) == 1, states.size(), SystemClock());
  std::mutex mutex;  // over all below
  size_t next = 0;
  RekeyCounts sum;
  const auto report = [&](const StateId& id, uint64_t n, const Status& why) {
    std::lock_guard<std::mutex> hold(mutex);
    progress.Clear();
    Say(cli.out, id.hex() + " " + std::to_string(n) + ": " + why.detail() + "\n");
  };
  const auto work = [&] {
    Rekeyer rekeyer(store->storage(), store->store_id, *store->kms, *to, target, options.dry_run,
                    report);
    std::unique_lock<std::mutex> hold(mutex);
    while (next < states.size() && !sum.gave_up) {
      const StateId& id = states[next++];
      hold.unlock();
      rekeyer.DoState(id);
      hold.lock();
      progress.Advance();
      sum.gave_up = sum.gave_up || rekeyer.counts().gave_up;
    }
    sum.done += rekeyer.counts().done;
    sum.already += rekeyer.counts().already;
    sum.failed += rekeyer.counts().failed;
  };
  std::vector<std::thread> threads;
  for (size_t i = 0; i < std::min(kThreads, states.size()); ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  progress.Clear();
  return sum;
}

Result<RekeyCounts> Run(const CliContext& cli, const Options& options, OpenedStore* store,
                        EnvelopeKms* to) {
  Result<KeyTag> target = SealingTag(*to);
  if (!target.ok()) return std::move(target).status();
  Result<std::vector<StateId>> states = AllStates(store->storage());
  if (!states.ok()) return std::move(states).status();
  Say(cli.err, std::to_string(states->size()) + " states, to key " + TextOf(*target) + "\n");
  const RekeyCounts counts = DoAll(cli, options, store, to, *target, *states);
  if (counts.gave_up) return Status::Unavailable("too many failures in a row; run it again");
  Say(cli.err, Uploads(store->storage(), *target));
  return counts;
}

}  // namespace

int CmdRekey(const CliContext& cli, const std::vector<std::string>& args) {
  const std::optional<Options> options = Parse(args);
  if (!options) {
    Say(cli.err, std::string("usage: statewardctl ") + kRekeyHelp);
    return kExitUsage;
  }
  Result<std::unique_ptr<OpenedStore>> store = OpenStore(cli);
  Result<std::shared_ptr<EnvelopeKms>> to =
      !store.ok()                    ? Result<std::shared_ptr<EnvelopeKms>>(store.status())
      : options->to_env_file.empty() ? Result<std::shared_ptr<EnvelopeKms>>((*store)->kms)
                                     : KmsOfFile(options->to_env_file);
  Result<RekeyCounts> counts =
      to.ok() ? Run(cli, *options, store->get(), to->get()) : Result<RekeyCounts>(to.status());
  if (!counts.ok()) {
    Say(cli.err, "statewardctl: rekey: " + counts.status().detail() + "\n");
    return kExitFailed;
  }
  Say(cli.out, std::to_string(counts->done) +
                   (options->dry_run ? " to be sealed anew, " : " sealed anew, ") +
                   std::to_string(counts->already) + " were already, " +
                   std::to_string(counts->failed) + " failed\n");
  return counts->failed == 0 ? kExitOk : kExitFailed;
}

}  // namespace stateward
