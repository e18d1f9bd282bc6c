#include "cli/cmd_adopt.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "auth/policy.h"
#include "cli/adopt_plan.h"
#include "cli/adopter.h"
#include "cli/opened_store.h"
#include "cli/progress.h"
#include "state/lock_info.h"
#include "state/untouched.h"

namespace stateward {
namespace {

// Each waits for a disk or a service most of the time; more would crowd those out who are served.
constexpr size_t kThreads = 4;
// A million lines.
constexpr size_t kMaxList = size_t{64} << 20;

struct Options {
  bool all = false;
  bool done = false;
  bool dry_run = false;
  std::string from;
  std::string secrets;
  std::string names;
  std::vector<std::string> logs;
  std::vector<std::string> state;  // PROJECT NAME
};

int Fail(const CliContext& cli, const std::string& why) {
  Say(cli.err, "statewardctl: adopt: " + why + "\n");
  return kExitFailed;
}

std::optional<Options> Parse(const std::vector<std::string>& args) {
  Options o;
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    std::string* value = arg == "--from"      ? &o.from
                         : arg == "--secrets" ? &o.secrets
                         : arg == "--names"   ? &o.names
                                              : nullptr;
    if (arg == "--all") {
      o.all = true;
    } else if (arg == "--done") {
      o.done = true;
    } else if (arg == "--dry-run") {
      o.dry_run = true;
    } else if (arg == "--names-from-log" && i + 1 < args.size()) {
      o.logs.push_back(args[++i]);
    } else if (value != nullptr && i + 1 < args.size()) {
      *value = args[++i];
    } else if (arg.empty() || arg[0] == '-') {
      return std::nullopt;
    } else {
      o.state.push_back(arg);
    }
  }
  bool lists = !o.secrets.empty() || !o.names.empty() || !o.logs.empty();
  bool good = o.all    ? !o.done && o.state.empty() && o.from.empty()
              : o.done ? o.state.empty() && !lists && o.from.empty() && !o.dry_run
                       : o.state.size() == 2 && !lists;
  return good ? std::optional<Options>(std::move(o)) : std::nullopt;
}

class NoObserver : public Observer {
 public:
  void OnRequest(RouteName, Method, int, int64_t) override {}
  void OnBackendCall(BackendKind, std::string_view, bool, int64_t) override {}
  void OnUploadKept() override {}
};

// What the sub-commands work with.
struct Tools {
  std::unique_ptr<OpenedStore> store;
  Log log{LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kError};
  NoObserver observer;
  std::unique_ptr<StoreGate> gate;
  std::unique_ptr<StateService> states;
  std::unique_ptr<Adopter> adopter;
  std::unique_ptr<Untouched> untouched;
};

Result<std::unique_ptr<Tools>> Open(const CliContext& cli) {
  Result<std::unique_ptr<OpenedStore>> store = OpenStore(cli);
  if (!store.ok()) return std::move(store).status();
  auto tools = std::make_unique<Tools>();
  tools->store = std::move(*store);
  Backends& b = tools->store->backends;
  const Config& config = tools->store->config;
  tools->gate = std::make_unique<StoreGate>(*b.storage, *b.locker);
  StateRules rules;
  rules.write = {true, config.rules.write.strict, true};
  rules.hold_names = false;
  rules.history = config.rules.history;
  tools->states = std::make_unique<StateService>(*b.storage, *b.locker, *b.kms, *tools->gate,
                                                 SystemClock(), tools->observer, tools->log, rules);
  tools->adopter =
      std::make_unique<Adopter>(b, tools->store->store_id, *tools->states, SystemClock());
  tools->untouched =
      std::make_unique<Untouched>(*b.storage, PosixDisk(), SystemClock(), config.runtime_dir);
  return tools;
}

// A list that only its owner may read.
Result<SecretBytes> ReadList(const CliContext& cli, const std::string& path) {
  Result<FILE*> file = cli.OpenInput(path);
  if (!file.ok()) return std::move(file).status();
  std::unique_ptr<FILE, int (*)(FILE*)> hold(*file, fclose);
  struct stat st {};
  if (fstat(fileno(*file), &st) != 0) return FromErrno(path, errno);
  if ((st.st_mode & 077) != 0) {
    return Status(Code::kPermissionDenied, path + ": others may read it; chmod 0600 it");
  }
  SecretBytes text(1);
  size_t have = 0;
  for (;;) {
    size_t n = fread(text.data() + have, 1, text.size() - have, *file);
    have += n;
    if (n == 0) break;
    if (have == kMaxList) return Status(Code::kTooLarge, path + ": more than 64 MiB");
    if (have == text.size()) text.resize(std::min(kMaxList, 2 * text.size() + 4096));
  }
  if (ferror(*file) != 0) return FromErrno(path, errno);
  text.resize(have);
  return text;
}

// Names that rules spell out.
void NamesOfPolicy(const Tools& tools, std::set<StateName>* names) {
  const std::string& path = tools.store->config.auth.policy_file;
  if (path.empty()) return;
  PolicyFile file(SystemClock(), tools.log, path);
  for (const Rule& rule : file.Current()->rules) {
    for (const std::string& state : rule.states) {
      StateName name;
      if (ParseStateName(state, &name)) names->insert(std::move(name));
    }
  }
}

Result<AdoptSources> ReadSources(const CliContext& cli, const Options& options,
                                 const Tools& tools) {
  AdoptSources sources;
  if (!options.secrets.empty()) {
    Result<SecretBytes> text = ReadList(cli, options.secrets);
    if (!text.ok()) return std::move(text).status();
    sources.secrets = ParseSecrets(ByteView(*text).AsString());
  }
  if (!options.names.empty()) {
    Result<SecretBytes> text = ReadList(cli, options.names);
    if (!text.ok()) return std::move(text).status();
    Status parsed = ParseNames(ByteView(*text).AsString(), &sources.given);
    if (!parsed.ok()) return std::move(parsed).At(options.names);
  }
  for (const std::string& log : options.logs) {
    Result<FILE*> file = cli.OpenInput(log);
    if (!file.ok()) return std::move(file).status();
    Status read = NamesOfLog(*file, &sources.hinted);
    (void)fclose(*file);
    if (!read.ok()) return std::move(read).At(log);
  }
  NamesOfPolicy(tools, &sources.hinted);
  return sources;
}

std::string Describe(const Grant& from, const Adopted& what) {
  std::string text = from.key.project + "/" + from.key.name + "  " + NamespaceTag(from.key.tenant) +
                     "  " + std::to_string(what.versions) +
                     (what.versions == 1 ? " version" : " versions");
  if (what.damaged > 0) text += ", " + std::to_string(what.damaged) + " damaged ones stay behind";
  return text + "\n";
}

// What came of the states of a plan.
struct Report {
  std::mutex mutex;
  uint64_t states = 0;
  uint64_t versions = 0;
  std::vector<std::string> failed;
};

void AdoptOne(const CliContext& cli, Tools& tools, const Options& options, const Grant& from,
              Progress* progress, Report* report) {
  Result<Adopted> done = options.dry_run ? tools.adopter->Look(from) : tools.adopter->Adopt(from);
  std::lock_guard<std::mutex> hold(report->mutex);
  if (done.ok()) {
    ++report->states;
    report->versions += done->versions;
    if (options.dry_run) Say(cli.out, "would give  " + Describe(from, *done));
  } else if (done.status().code() != Code::kNotFound) {  // somebody was faster
    report->failed.push_back(from.key.project + "/" + from.key.name + ": " +
                             done.status().detail());
  }
  progress->Advance();
}

void AdoptEach(const CliContext& cli, Tools& tools, const Options& options, const AdoptPlan& plan,
               Report* report) {
  Progress progress(cli.err, isatty(fileno(cli.err)) == 1, plan.ready.size(), SystemClock());
  std::atomic<size_t> next{0};
  auto work = [&] {
    for (size_t i = next++; i < plan.ready.size(); i = next++) {
      AdoptOne(cli, tools, options, plan.ready[i], &progress, report);
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 0; i < std::min(kThreads, plan.ready.size()); ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
}

// How many blobs are left; tells the servers of this host.
void SayLeft(const CliContext& cli, Tools& tools, const Options& options) {
  Result<uint64_t> left = tools.untouched->Recount();
  if (!left.ok()) {
    Say(cli.out, "what is left could not be counted: " + left.status().detail() + "\n");
  } else if (options.dry_run) {
    Say(cli.out, std::to_string(*left) + " blobs of the original are untouched\n");
  } else if (*left == 0) {
    Say(cli.out, "no blob of the original is left untouched\n");
  } else {
    Say(cli.out, std::to_string(*left) +
                     " blobs of the original are left that none of these secrets and names "
                     "explains, or that were refused. Until they are adopted, or `statewardctl "
                     "adopt --done` says that they are nobody's, an absent name is 409\n");
  }
}

int AdoptAll(const CliContext& cli, const Options& options) {
  Result<std::unique_ptr<Tools>> tools = Open(cli);
  if (!tools.ok()) return Fail(cli, tools.status().detail());
  Result<AdoptSources> sources = ReadSources(cli, options, **tools);
  if (!sources.ok()) return Fail(cli, sources.status().detail());
  Backends& b = (*tools)->store->backends;
  Result<AdoptPlan> plan = MakeAdoptPlan(b, (*tools)->store->store_id, *std::move(sources));
  if (!plan.ok()) return Fail(cli, plan.status().detail());
  Report report;
  report.failed = plan->refused;
  AdoptEach(cli, **tools, options, *plan, &report);
  for (const Grant& ended : plan->ended) {
    if (options.dry_run) break;
    Status freed = (*tools)->adopter->FreeLeftLocks(ended);
    if (!freed.ok())
      report.failed.push_back(ended.key.project + "/" + ended.key.name + ": " + freed.detail());
  }
  for (const std::string& line : report.failed) Say(cli.err, "not given: " + line + "\n");
  Say(cli.out, std::to_string(report.states) + " states with " + std::to_string(report.versions) +
                   " versions " + (options.dry_run ? "would be given" : "were given") +
                   " to identified users, " + std::to_string(report.failed.size()) + " were not\n");
  SayLeft(cli, **tools, options);
  return report.failed.empty() ? kExitOk : kExitFailed;
}

int AdoptNamed(const CliContext& cli, const Options& options) {
  Result<std::unique_ptr<Tools>> tools = Open(cli);
  if (!tools.ok()) return Fail(cli, tools.status().detail());
  StateName name{options.state[0], options.state[1]};
  OpenedStore& store = *(*tools)->store;
  Result<std::vector<Grant>> all = NamespacesOf(store.backends, store.store_id, name, options.from);
  if (!all.ok()) return Fail(cli, all.status().detail());
  if (all->empty()) {
    return Fail(cli,
                "no namespace of basic auth has such a state (never written by this server, "
                "deleted, or adopted already); a blob of the original needs its secret: adopt "
                "--all --secrets FILE --names FILE");
  }
  if (all->size() > 1) {
    Fail(cli, "several namespaces have a state of this name; choose one with --from:");
    for (const Grant& from : *all) {
      Result<Adopted> what = (*tools)->adopter->Look(from);
      if (!what.ok()) continue;
      Say(cli.err, NamespaceTag(from.key.tenant) + "  serial " +
                       std::to_string(what->newest.serial) + ", " +
                       FormatTime(what->newest.time_ms) + ", by " + what->newest.writer + "\n");
    }
    return kExitFailed;
  }
  const Grant& from = all->front();
  Result<Adopted> done =
      options.dry_run ? (*tools)->adopter->Look(from) : (*tools)->adopter->Adopt(from);
  if (!done.ok()) return Fail(cli, done.status().detail());
  Say(cli.out, (options.dry_run ? "would be given to identified users: "
                                : "belongs to identified users now: ") +
                   Describe(from, *done));
  return kExitOk;
}

int MarkDone(const CliContext& cli) {
  Result<std::unique_ptr<Tools>> tools = Open(cli);
  if (!tools.ok()) return Fail(cli, tools.status().detail());
  Result<uint64_t> left = (*tools)->untouched->Recount();
  Status marked = (*tools)->untouched->MarkDone();
  if (!marked.ok()) return Fail(cli, marked.detail());
  Say(cli.out, (left.ok() ? std::to_string(*left) : std::string("an unknown number of")) +
                   " blobs of the original are untouched and count as nobody's from now on: to "
                   "identified users an absent name is 404. They stay where they are\n");
  return kExitOk;
}

}  // namespace

int CmdAdopt(const CliContext& cli, const std::vector<std::string>& args) {
  std::optional<Options> options = Parse(args);
  if (!options) {
    Say(cli.err, std::string("usage:\n") + kAdoptHelp);
    return kExitUsage;
  }
  if (options->done) return MarkDone(cli);
  return options->all ? AdoptAll(cli, *options) : AdoptNamed(cli, *options);
}

}  // namespace stateward
