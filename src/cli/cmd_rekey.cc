#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/counted.h"
#include "cli/cmd.h"
#include "cli/command_trail.h"
#include "cli/key_counts.h"
#include "cli/opened_store.h"
#include "cli/progress.h"
#include "cli/rekeyer.h"
#include "cli/running_servers.h"
#include "state/key_notice.h"

namespace stateward {
namespace {

// Seals with the keys that FILE names; nothing of the environment is mixed in but what opens.
Result<std::shared_ptr<EnvelopeKms>> KmsOfFile(const std::string& file, const EnvelopeKms& opens) {
  LoadedConfig loaded = LoadConfig(EnvMap(), file);
  if (!loaded.errors.empty()) return Status::InvalidArgument(loaded.errors.front());
  Result<std::unique_ptr<EnvelopeKms>> kms = OpenEnvelopeKms(loaded.config.kms);
  if (!kms.ok()) return std::move(kms).status();
  return std::shared_ptr<EnvelopeKms>((*kms)->With(opens));
}

// What a rekey leaves as it is, in words; "" = nothing.
Result<std::string> LeftOver(OpenedStore* store, const KeyTag& target) {
  if (!store->config.rules.write.legacy_read) return std::string();
  Result<KeyCounts> counts = CountKeys(store->storage(), *store->kms, true);
  if (!counts.ok()) return std::move(counts).status();
  uint64_t others = counts->unopened;
  for (const auto& [tag, need] : counts->by_key) {
    if (!(tag == target)) others += need.originals;
  }
  if (others == 0) return std::string();
  return Counted(others, "state of terraform-backend stays as it is, and needs its",
                 "states of terraform-backend stay as they are, and need their") +
         " key until somebody writes to it or adopts it (statewardctl keys)\n";
}

// Each waits for a disk or a service most of the time; more would crowd those out who are served.
constexpr size_t kThreads = 4;

RekeyCounts DoAll(const CliContext& cli, const Args& args, OpenedStore* store, EnvelopeKms* to,
                  const KeyTag& target, const std::vector<StateId>& states) {
  Progress progress(cli.err, cli.ShowsProgress(), SystemClock());
  std::mutex mutex;  // over all below
  size_t next = 0;
  size_t done = 0;
  RekeyCounts sum;
  const auto report = [&](const StateId& id, uint64_t n, const Status& why) {
    std::lock_guard<std::mutex> hold(mutex);
    progress.Clear();
    Say(cli.out, id.hex() + " " + std::to_string(n) + ": " + why.detail() + "\n");
  };
  const auto work = [&] {
    Rekeyer rekeyer(store->storage(), store->store_id, *to, target, args.Flag("dry-run"), report);
    std::unique_lock<std::mutex> hold(mutex);
    while (next < states.size() && !sum.gave_up) {
      const StateId& id = states[next++];
      hold.unlock();
      rekeyer.DoState(id);
      hold.lock();
      progress.Show(++done, states.size());
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

Status EmptyCache(Caches& caches) {
  Result<std::vector<std::string>> names = caches.CacheNames();
  if (!names.ok()) return std::move(names).status();
  for (const std::string& name : *names) STATEWARD_RETURN_IF_ERROR(caches.RemoveCache(name));
  return Status();
}

// The few things that are no versions.
Status DoRest(const CliContext& cli, const Args& args, OpenedStore* store, EnvelopeKms* to,
              const KeyTag& target, RekeyCounts* sum) {
  const auto report = [&](const StateId& id, uint64_t, const Status& why) {
    const std::string what = id.hex().empty() ? "store secret" : id.hex() + " kept upload";
    Say(cli.out, what + ": " + why.detail() + "\n");
  };
  Rekeyer rekeyer(store->storage(), store->store_id, *to, target, args.Flag("dry-run"), report);
  Result<std::vector<KeptUpload>> uploads = store->storage().ListUploads();
  if (!uploads.ok()) return std::move(uploads).status();
  for (const KeptUpload& entry : *uploads) rekeyer.DoUpload(entry);
  rekeyer.DoSecret();
  // It can be made again, and then is sealed by the new key.
  if (!args.Flag("dry-run")) STATEWARD_RETURN_IF_ERROR(EmptyCache(store->storage()));
  sum->done += rekeyer.counts().done;
  sum->already += rekeyer.counts().already;
  sum->failed += rekeyer.counts().failed;
  sum->gave_up = sum->gave_up || rekeyer.counts().gave_up;
  return Status();
}

// What a running server could not read any more must not be sealed.
Status CheckServers(const CliContext& cli, const Args& args, OpenedStore* store,
                    const KeyTag& target) {
  const std::string key = HexEncode(target.id);
  Result<KeyUsers> users = UsersOfKey(store->storage(), key, SystemClock().NowMs());
  if (!users.ok()) return std::move(users).status();
  return CheckServersKnow(cli, args, "the key " + key, users->lack, users->silent,
                          "Give it to them first (docs/kms.md)");
}

Result<RekeyCounts> Run(const CliContext& cli, const Args& args, OpenedStore* store,
                        EnvelopeKms* to) {
  Result<KeyTag> target = SealingTag(*to);
  if (!target.ok()) return std::move(target).status();
  STATEWARD_RETURN_IF_ERROR(CheckServers(cli, args, store, *target));
  Result<std::vector<StateId>> states = AllStates(store->storage());
  if (!states.ok()) return std::move(states).status();
  Say(cli.err, Counted(states->size(), "state") + ", to key " + TextOf(*target) + "\n");
  RekeyCounts counts = DoAll(cli, args, store, to, *target, *states);
  if (!counts.gave_up) {
    STATEWARD_RETURN_IF_ERROR(DoRest(cli, args, store, to, *target, &counts));
  }
  if (counts.gave_up) return Status::Unavailable("too many failures in a row; run it again");
  Result<std::string> left = LeftOver(store, *target);
  if (!left.ok()) return std::move(left).status();
  Say(cli.err, *left);
  return counts;
}

// With its lines in the audit trail. Its key opens with the new keys, too, and at the end perhaps
// with nothing else.
Result<RekeyCounts> RunNoted(const CliContext& cli, const Args& args, OpenedStore* store,
                             const std::shared_ptr<EnvelopeKms>& to) {
  if (args.Flag("dry-run")) return Run(cli, args, store, to.get());
  store->backends.kms = to;
  const std::string& file = args.Text("to-env-file");
  CommandTrail trail(store->config, store->backends, cli.user, "rekey",
                     file.empty() ? "" : "to the keys of " + file);
  STATEWARD_RETURN_IF_ERROR(trail.Begin());
  Result<RekeyCounts> counts = Run(cli, args, store, to.get());
  Status end = counts.ok() ? Status() : counts.status();
  if (counts.ok() && counts->failed > 0) {
    end = Status::Unavailable(std::to_string(counts->failed) + " failed");
  }
  (void)trail.End(std::move(end));
  return counts;
}

}  // namespace

int CmdRekey(const CliContext& cli, const Args& args) {
  const std::string& file = args.Text("to-env-file");
  Result<std::unique_ptr<OpenedStore>> store = OpenStore(cli);
  if (!store.ok()) return Fail(cli, store.status());
  Result<std::shared_ptr<EnvelopeKms>> to = (*store)->kms;
  if (!file.empty()) to = KmsOfFile(cli.SettingsFile(file), *(*store)->kms);
  if (!to.ok()) return Fail(cli, to.status());
  Result<RekeyCounts> counts = RunNoted(cli, args, store->get(), *to);
  if (!counts.ok()) return Fail(cli, counts.status());
  Say(cli.out, std::to_string(counts->done) +
                   (args.Flag("dry-run") ? " to be sealed again, " : " sealed again, ") +
                   std::to_string(counts->already) + " were already, " +
                   std::to_string(counts->failed) + " failed\n");
  return counts->failed == 0 ? kExitOk : kExitFailed;
}

}  // namespace stateward
