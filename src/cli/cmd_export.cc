#include <unistd.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/counted.h"
#include "base/glob.h"
#include "base/state_name.h"
#include "cli/adopt_sources.h"
#include "cli/cmd.h"
#include "cli/command_trail.h"
#include "cli/export_layout.h"
#include "cli/input_file.h"
#include "cli/opened_store.h"
#include "history/forwarding.h"
#include "history/history.h"
#include "kms/key_text.h"
#include "moving/tar.h"
#include "state/records_gone.h"
#include "state/untouched.h"
#include "stateward/clock.h"

namespace stateward {
namespace {

struct Counts {
  uint64_t states = 0;
  uint64_t versions = 0;
  uint64_t namespaces = 0;  // states of basic auth, which stay
  uint64_t untouched = 0;   // blobs of terraform-backend that nobody took over, which stay
  uint64_t unreadable = 0;  // and what the layout has no place for
};

class Exporter {
 public:
  Exporter(const CliContext& cli, OpenedStore& store, ExportLayout& layout, CommandTrail& trail,
           const std::string& pattern, bool versions)
      : cli_(cli),
        trail_(trail),
        layout_(layout),
        storage_(store.storage()),
        locker_(*store.backends.locker),
        history_(store.storage(), *store.kms, store.store_id),
        pattern_(pattern),
        versions_(versions),
        legacy_read_(store.config.rules.write.legacy_read),
        tar_(cli.out) {}

  Result<Counts> Run() {
    Result<std::vector<StateId>> ids = AllStates(storage_);
    if (!ids.ok()) return std::move(ids).status();
    for (const StateId& id : *ids) STATEWARD_RETURN_IF_ERROR(TryState(id));
    // One that was moved meanwhile may have been looked for at its new address before it came.
    while (!moved_to_.empty()) {
      const StateId id = moved_to_.back();
      moved_to_.pop_back();
      if (done_.count(id.hex()) == 0) STATEWARD_RETURN_IF_ERROR(TryState(id));
    }
    STATEWARD_RETURN_IF_ERROR(CountUntouched());
    // A file with nothing in it would look like an export, and stand in the way of the next one.
    if (counts_.versions > 0) STATEWARD_RETURN_IF_ERROR(tar_.Finish());
    return counts_;
  }

 private:
  // What cannot be read is named, and the others follow.
  Status TryState(const StateId& id) {
    Status one = ExportState(id);
    if (one.ok() || (!one.unreadable() && one.code() != Code::kConflict)) return one;
    done_.insert(id.hex());
    NameUnreadable(id.hex(), one);
    return Status();
  }

  Status CountUntouched() {
    if (!legacy_read_) return Status();
    Result<uint64_t> untouched = stateward::CountUntouched(storage_);
    if (!untouched.ok()) return std::move(untouched).status();
    counts_.untouched = *untouched;
    return Status();
  }

  void NameUnreadable(const std::string& state, const Status& why) {
    ++counts_.unreadable;
    Say(cli_.err, "state " + state + ": " + why.detail() + "\n");
  }

  Status ExportState(const StateId& id) {
    Result<NewestRecord> newest = history_.Look(id);
    if (!newest.ok()) return std::move(newest).status();
    if (!newest->unreadable.ok()) return newest->unreadable;
    STATEWARD_RETURN_IF_ERROR(CheckNothingGone(locker_, id, storage_, newest->head));
    if (!newest->version) return Status();
    const RecordKind kind = newest->version->info.kind;
    if (kind != RecordKind::kState && kind != RecordKind::kMoved) return Status();
    Result<SealedInfo> info = history_.Info(id, newest->real);
    if (!info.ok()) return std::move(info).status();
    const StateKey& key = info->key;
    done_.insert(id.hex());
    if (const std::optional<StateId> to = MovedTo(*info)) {
      moved_to_.push_back(*to);
      return Status();
    }
    if (!FitsGlob(pattern_, key)) return Status();
    Result<std::optional<std::string>> file = layout_.FileOf(key);
    if (!file.ok()) return std::move(file).status();
    if (!file->has_value()) {
      ++counts_.namespaces;
      return Status();
    }
    const std::string name = StateText(key);
    Result<Opened> opened = history_.Open(id, newest->real);
    if (!opened.ok()) return std::move(opened).status();
    if (opened->info.version.kind != RecordKind::kState) return ExportState(id);  // it was moved
    STATEWARD_RETURN_IF_ERROR(
        layout_.Write(**file, opened->document, opened->info.version.time_ms, &tar_));
    trail_.NoteRead(key, {newest->real, opened->info.version.serial});
    ++counts_.states;
    ++counts_.versions;
    return versions_ ? ExportVersions(id, name, newest->real) : Status();
  }

  // The state is exported; an older version that cannot be read keeps no other one back.
  Status ExportVersions(const StateId& id, const std::string& name, uint64_t newest) {
    Result<std::vector<uint64_t>> numbers = storage_.Versions(id);
    if (!numbers.ok()) return std::move(numbers).status();
    for (auto n = numbers->rbegin(); n != numbers->rend(); ++n) {
      if (*n >= newest) continue;
      Result<Opened> opened = history_.Open(id, *n);
      if (!opened.ok() && opened.status().code() == Code::kNotFound) continue;
      if (!opened.ok() && opened.status().unreadable()) {
        NameUnreadable(name, Status(opened.status()).At("version " + std::to_string(*n)));
        continue;
      }
      if (!opened.ok()) return std::move(opened).status().At("version " + std::to_string(*n));
      const VersionInfo& info = opened->info.version;
      if (info.kind != RecordKind::kState) continue;
      // No state's name has a '@'.
      const std::string file = name + "@versions/" + std::to_string(*n) + ".tfstate";
      STATEWARD_RETURN_IF_ERROR(layout_.Write(file, opened->document, info.time_ms, &tar_));
      ++counts_.versions;
    }
    return Status();
  }

  const CliContext& cli_;
  CommandTrail& trail_;
  ExportLayout& layout_;
  Storage& storage_;
  Locker& locker_;
  const History history_;
  const std::string pattern_;
  const bool versions_;
  const bool legacy_read_;
  TarWriter tar_;
  Counts counts_;
  std::set<std::string> done_;     // ids of states whose newest version was looked at
  std::vector<StateId> moved_to_;  // where some of them are now
};

// kInvalidArgument: the options do not go together.
Result<std::unique_ptr<ExportLayout>> ChooseLayout(const CliContext& cli, const Args& args) {
  if (!args.Has("original-key")) {
    if (args.Has("secrets")) return Status::InvalidArgument("--secrets goes with --original-key");
    return PlainLayout();
  }
  if (args.Flag("versions")) {
    return Status::InvalidArgument("terraform-backend keeps one version of a state: no --versions");
  }
  Result<SecretBytes> text = ReadInput(cli, args.Text("original-key"), InputRights::kOwnerOnly);
  if (!text.ok()) return std::move(text).status();
  Result<SecretBytes> key = ParseKey(ByteView(*text).AsString());
  if (!key.ok()) return std::move(key).status().At(args.Text("original-key"));
  std::vector<SecretString> secrets;
  if (args.Has("secrets")) {
    Result<SecretBytes> lines = ReadInput(cli, args.Text("secrets"), InputRights::kOwnerOnly);
    if (!lines.ok()) return std::move(lines).status();
    secrets = ParseSecrets(ByteView(*lines).AsString());
  }
  return OriginalLayout(*std::move(key), secrets);
}

void SayUntouched(const CliContext& cli, const Counts& done, bool sealed) {
  if (done.untouched == 0) return;
  const std::string blobs =
      Counted(done.untouched, "blob of terraform-backend that nobody took over",
              "blobs of terraform-backend that nobody took over");
  if (sealed) {
    Say(cli.err, blobs + (done.untouched == 1 ? " stays" : " stay") +
                     " as before in the storage, under the old key\n");
    return;
  }
  Say(cli.err, blobs + (done.untouched == 1 ? " was" : " were") +
                   " left out, whatever the pattern; `statewardctl adopt` takes over\n");
}

void SayCounts(const CliContext& cli, const Counts& done, bool sealed) {
  Say(cli.err, Counted(done.states, "state") + ", " + Counted(done.versions, "version") +
                   (sealed ? "\n" : ". The output holds your secrets in clear text\n"));
  if (done.namespaces == 0) return;
  const std::string them = done.namespaces == 1 ? "it" : "them";
  Say(cli.err, Counted(done.namespaces, "state of basic auth was", "states of basic auth were") +
                   " left out; " +
                   (sealed ? "--secrets FILE takes " + them + " along\n"
                           : "`statewardctl adopt` gives names to " + them + "\n"));
}

}  // namespace

int CmdExport(const CliContext& cli, const Args& args) {
  if (isatty(fileno(cli.out)) == 1) {
    return FailUsage(cli, "give --output FILE, or pipe it into a program that encrypts it");
  }
  Result<std::unique_ptr<ExportLayout>> layout = ChooseLayout(cli, args);
  if (!layout.ok()) return Fail(cli, layout.status());
  Result<std::unique_ptr<OpenedStore>> store = OpenStore(cli);
  if (!store.ok()) return Fail(cli, store.status());
  CommandTrail trail((*store)->config, (*store)->backends, cli.user, "export",
                     args.Text("states") + (args.Flag("versions") ? " with versions" : ""));
  Result<Counts> done =
      Exporter(cli, **store, **layout, trail, args.Text("states"), args.Flag("versions")).Run();
  (void)trail.End(done.ok() ? Status() : done.status());
  if (!done.ok()) return Fail(cli, done.status());
  if (!cli.quiet && done->versions > 0) SayCounts(cli, *done, args.Has("original-key"));
  if (!cli.quiet) SayUntouched(cli, *done, args.Has("original-key"));
  if (done->states == 0 && done->unreadable == 0) {
    return Fail(cli, Status::NotFound("no state has a name like " + args.Text("states")));
  }
  return done->unreadable == 0 ? kExitOk : kExitFailed;
}

}  // namespace stateward
