#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "admin/caller.h"
#include "app/open_auth.h"
#include "base/counted.h"
#include "base/shown_text.h"
#include "base/state_name.h"
#include "cli/backend_block.h"
#include "cli/cmd.h"
#include "cli/import_source.h"
#include "cli/input_file.h"
#include "cli/local_admin.h"
#include "cli/progress.h"
#include "cli/text_table.h"
#include "moving/import_names.h"
#include "moving/importer.h"
#include "stateward/clock.h"

namespace stateward {
namespace {

// Each waits for a disk or a service most of the time; more would crowd those out who are served.
constexpr size_t kThreads = 4;

using C = ColumnKind;
constexpr Column kColumns[] = {
    {"workspace", C::kText, "WORKSPACE", "what it is called at the source"},
    {"state", C::kText, "STATE", "the new address; null: it has none"},
    {"serial", C::kNumber, "SERIAL", "of the source's newest version"},
    {"lineage", C::kText, "LINEAGE", "of the source's newest version"},
    {"resources", C::kNumber, "RESOURCES", "instances in the source's newest version"},
    {"size", C::kBytes, "SIZE", "of the source's newest version"},
    {"versions", C::kNumber, "VERSIONS", "that the source has"},
    {"new", C::kNumber, "NEW", "versions that are not here yet"},
    {"problem", C::kText, "PROBLEM", "why it is not imported; null: it can be"},
    {"place", C::kText, "PLACE", "where it lies at the source; null: it does not",
     ColumnShown::kJsonOnly},
};

struct Item {
  SourceState state;
  StateKey to;
  Status status;      // why not
  bool left = false;  // the names file leaves it where it is
  Imported what;
};

Result<ImportNames> NamesOf(const CliContext& cli, const Args& args) {
  if (args.Has("to")) return ImportNames::OfPattern(args.Text("to"));
  Result<SecretBytes> text = ReadInput(cli, args.Text("names"), InputRights::kAny);
  if (!text.ok()) return std::move(text).status();
  Result<ImportNames> names = ImportNames::OfFile(ByteView(*text).AsString());
  if (!names.ok()) return std::move(names).status().At(args.Text("names"));
  return names;
}

// What comes belongs to identified users.
void WarnOfNoUsers(const CliContext& cli, const Config& config) {
  Result<std::vector<IssuerSettings>> issuers = IssuersOf(config);
  if (!config.auth.policy_file.empty() || !issuers.ok() || !issuers->empty()) return;
  Say(cli.err,
      "warning: imported states belong to identified users, and the settings let none in: a "
      "secret of basic auth reaches its own namespace alone. Write a policy and set "
      "AUTH_POLICY_FILE (docs/policy.md)\n");
}

// What is not named in the file stays; two states of one address are refused.
Result<std::vector<Item>> MakeItems(Source& source, const ImportNames& names,
                                    const Config& config) {
  Result<std::vector<SourceState>> states = source.List();
  if (!states.ok()) return std::move(states).status();
  if (states->empty()) return Status::InvalidArgument("the source has no states");
  if (states->size() > 1 && names.IsOneAddress()) {
    return Status::InvalidArgument("the source has " + std::to_string(states->size()) +
                                   " states, and --to gives all of them one address: put "
                                   "{workspace} into it, or give --names");
  }
  std::set<std::string> there;
  std::vector<Item> items;
  std::map<std::string, std::string> taken;
  for (SourceState& state : *states) {
    Item item;
    there.insert(state.workspace);
    item.state = std::move(state);
    Result<StateKey> to = names.Of(item.state.workspace);
    if (to.ok()) {
      item.to = *std::move(to);
      item.status = CheckServed(item.to, config.rules.nested_names);
      auto [at, fresh] = taken.emplace(StateText(item.to), item.state.workspace);
      if (!fresh) {
        item.status = Status(Code::kConflict, at->second + " would get this address, too");
      }
    } else {
      item.left = to.status().code() == Code::kNotFound;
      item.status = std::move(to).status();
    }
    items.push_back(std::move(item));
  }
  for (std::string& workspace : names.Missing(there)) {
    Item item;
    item.state.workspace = std::move(workspace);
    item.to = *names.Of(item.state.workspace);
    item.status = Status::NotFound("the source has no such workspace");
    items.push_back(std::move(item));
  }
  return items;
}

Row RowOf(const Item& item) {
  const bool known = item.what.versions > 0;
  const auto number = [known](uint64_t n) { return known ? Value(n) : Value(); };
  return {item.state.workspace,
          TextOrNull(item.to.name.empty() ? "" : StateText(item.to)),
          number(item.what.newest.serial),
          TextOrNull(item.what.newest.lineage),
          number(item.what.counts.resources),
          number(item.what.newest.size),
          number(item.what.versions),
          number(item.what.added),
          TextOrNull(item.status.detail()),
          TextOrNull(item.state.place)};
}

void PrintTable(const CliContext& cli, const std::vector<Item>& items) {
  if (cli.json) {
    std::vector<Row> rows;
    for (const Item& item : items) rows.push_back(RowOf(item));
    PrintJsonRows(cli.out, kColumns, rows);
    return;
  }
  TextTable table(cli.out, kColumns, 0);
  for (const Item& item : items) table.Add(RowOf(item));
  table.Finish();
}

// `work` for each item that nothing speaks against; what it returns becomes the item's.
void EachItem(const CliContext& cli, std::vector<Item>* items,
              const std::function<Result<Imported>(const Item&)>& work) {
  Progress progress(cli.err, cli.ShowsProgress(), SystemClock());
  std::atomic<size_t> next{0};
  std::atomic<size_t> done{0};
  const auto loop = [&] {
    for (size_t i = next++; i < items->size(); i = next++) {
      Item& item = (*items)[i];
      if (item.status.ok()) {
        Result<Imported> out = work(item);
        if (out.ok()) item.what = *std::move(out);
        if (!out.ok()) item.status = std::move(out).status();
      }
      progress.Show(++done, items->size());
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 0; i < std::min(kThreads, items->size()); ++i) threads.emplace_back(loop);
  for (std::thread& thread : threads) thread.join();
}

// The exit code of the worst of them.
int CodeOf(const std::vector<Item>& items) {
  int code = kExitOk;
  for (const Item& item : items) {
    if (item.left || item.status.ok()) continue;
    code = std::max(code, static_cast<int>(ExitOf(item.status.code())));
  }
  return code;
}

int Report(const CliContext& cli, const Args& args, const std::vector<Item>& items) {
  uint64_t states = 0;
  uint64_t versions = 0;
  uint64_t failed = 0;
  for (const Item& item : items) {
    if (item.left) continue;
    const std::string& place = item.state.place;
    const std::string name =
        ShownText(item.state.workspace + (place.empty() ? "" : " (" + place + ")"));
    if (!item.status.ok()) {
      ++failed;
      Say(cli.err, "not imported: " + name + ": " + ShownText(item.status.detail()) + "\n");
      continue;
    }
    ++states;
    versions += item.what.added;
    if (item.what.unreadable > 0) {
      Say(cli.err, name + ": " +
                       Counted(item.what.unreadable, "older version is no state, and stays",
                               "older versions are no states, and stay") +
                       " behind\n");
    }
    if (item.what.source_lock == SourceLock::kNone && !cli.quiet) {
      Say(cli.err, name +
                       ": could not be locked there; what somebody wrote meanwhile is missing. "
                       "Run it again when nobody works there any more\n");
    }
  }
  if (args.Has("site") && !cli.json) {
    for (const Item& item : items) {
      if (!item.status.ok()) continue;
      Say(cli.out, "\n# " + ShownText(item.state.workspace) + "\n" +
                       BackendBlock(args.Text("site"), item.to));
    }
    if (states > 0) Say(cli.out, "\n");
  }
  if (!cli.quiet) {
    Say(cli.err, Counted(states, "state is here and was", "states are here and were") +
                     " compared, " + Counted(versions, "version") + " came now, " +
                     Counted(failed, "state was", "states were") + " not imported\n");
  }
  return CodeOf(items);
}

}  // namespace

int CmdImport(const CliContext& cli, const Args& args) {
  if (args.Has("to") == args.Has("names")) return FailUsage(cli, "give one of --to and --names");
  Result<ImportNames> names = NamesOf(cli, args);
  if (!names.ok()) return Fail(cli, names.status());
  Result<std::unique_ptr<Source>> source = OpenImportSource(cli, args, *names);
  if (!source.ok()) return Fail(cli, source.status());
  Result<std::unique_ptr<LocalAdmin>> admin = LocalAdmin::Open(cli);
  if (!admin.ok()) return Fail(cli, admin.status());
  OpenedStore& store = (*admin)->store();
  Result<std::vector<Item>> items = MakeItems(**source, *names, store.config);
  if (!items.ok()) return Fail(cli, items.status());
  if (!cli.quiet) WarnOfNoUsers(cli, store.config);
  const Importer importer({store.storage(), *store.backends.locker, *store.kms, (*admin)->states(),
                           SystemClock(), store.store_id, LocalCaller(cli.user).principal,
                           (*admin)->service().trail()});
  EachItem(cli, &*items,
           [&](const Item& item) { return importer.Look(**source, item.state, item.to); });
  PrintTable(cli, *items);
  if (args.Flag("dry-run")) return CodeOf(*items);
  EachItem(cli, &*items,
           [&](const Item& item) { return importer.Import(**source, item.state, item.to); });
  return Report(cli, args, *items);
}

}  // namespace stateward
