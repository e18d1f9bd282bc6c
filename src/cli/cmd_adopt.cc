#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "admin/caller.h"
#include "auth/policy.h"
#include "base/counted.h"
#include "base/state_name.h"
#include "cli/adopt_plan.h"
#include "cli/adopter.h"
#include "cli/cmd.h"
#include "cli/input_file.h"
#include "cli/local_admin.h"
#include "cli/progress.h"
#include "history/forwarding.h"
#include "moving/change_trail.h"
#include "state/lock_info.h"
#include "state/untouched.h"

namespace stateward {
namespace {

// Each waits for a disk or a service most of the time; more would crowd those out who are served.
constexpr size_t kThreads = 4;

// What the sub-commands work with.
struct Tools {
  std::unique_ptr<LocalAdmin> admin;
  std::unique_ptr<Adopter> adopter;
  std::string who;

  AuditTrail* trail() { return admin->service().trail(); }
  OpenedStore& store() { return admin->store(); }
};

Result<Tools> Open(const CliContext& cli) {
  Result<std::unique_ptr<LocalAdmin>> admin = LocalAdmin::Open(cli, LocalAdmin::For::kAdoption);
  if (!admin.ok()) return std::move(admin).status();
  Tools tools;
  tools.admin = *std::move(admin);
  tools.who = LocalCaller(cli.user).principal;
  tools.adopter =
      std::make_unique<Adopter>(tools.admin->service(), tools.store().store_id, tools.who);
  return tools;
}

// Names that rules spell out.
void NamesOfPolicy(Tools& tools, std::set<StateName>* names) {
  const std::string& path = tools.store().config.auth.policy_file;
  if (path.empty()) return;
  PolicyFile file(SystemClock(), tools.admin->log(), path);
  for (const Rule& rule : file.Current()->rules) {
    for (const std::string& state : rule.states) {
      StateName name;
      if (ParseStateName(state, &name)) names->insert(std::move(name));
    }
  }
}

Result<AdoptSources> ReadSources(const CliContext& cli, const Args& args, Tools& tools) {
  AdoptSources sources;
  if (args.Has("secrets")) {
    Result<SecretBytes> text = ReadInput(cli, args.Text("secrets"), InputRights::kOwnerOnly);
    if (!text.ok()) return std::move(text).status();
    sources.secrets = ParseSecrets(ByteView(*text).AsString());
  }
  if (args.Has("names")) {
    Result<SecretBytes> text = ReadInput(cli, args.Text("names"), InputRights::kOwnerOnly);
    if (!text.ok()) return std::move(text).status();
    Status parsed = ParseNames(ByteView(*text).AsString(), &sources.given);
    if (!parsed.ok()) return std::move(parsed).At(args.Text("names"));
  }
  for (const std::string& log : args.All("names-from-log")) {
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
  std::string text = StateText(from.key) + "  " + NamespaceTag(from.key.tenant) + "  " +
                     Counted(what.versions, "version");
  if (what.damaged > 0)
    text += ", " + Counted(what.damaged, "damaged one stays", "damaged ones stay") + " behind";
  return text + "\n";
}

// What came of the states of a plan.
struct Report {
  std::mutex mutex;
  uint64_t states = 0;
  uint64_t versions = 0;
  std::vector<std::string> failed;
};

void AdoptOne(const CliContext& cli, Tools& tools, const Args& args, const Grant& from,
              Report* report) {
  Result<Adopted> done =
      args.Flag("dry-run") ? tools.adopter->Look(from) : tools.adopter->Adopt(from);
  std::lock_guard<std::mutex> hold(report->mutex);
  if (done.ok()) {
    ++report->states;
    report->versions += done->versions;
    if (args.Flag("dry-run")) Say(cli.out, "would give  " + Describe(from, *done));
  } else if (done.status().code() != Code::kNotFound) {  // somebody was faster
    report->failed.push_back(StateText(from.key) + ": " + done.status().detail());
  }
}

void AdoptEach(const CliContext& cli, Tools& tools, const Args& args, const AdoptPlan& plan,
               Report* report) {
  Progress progress(cli.err, cli.ShowsProgress(), SystemClock());
  std::atomic<size_t> next{0};
  std::atomic<size_t> done{0};
  auto work = [&] {
    for (size_t i = next++; i < plan.ready.size(); i = next++) {
      AdoptOne(cli, tools, args, plan.ready[i], report);
      progress.Show(++done, plan.ready.size());
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 0; i < std::min(kThreads, plan.ready.size()); ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
}

// How many blobs are left. The servers count for themselves: this may be a copy of their store.
void SayLeft(const CliContext& cli, Tools& tools, const Args& args) {
  Result<uint64_t> left = CountUntouched(tools.store().storage());
  if (!left.ok()) {
    Say(cli.out, "what is left could not be counted: " + left.status().detail() + "\n");
  } else if (args.Flag("dry-run")) {
    Say(cli.out, Counted(*left, "blob of terraform-backend is", "blobs of terraform-backend are") +
                     " untouched\n");
  } else if (*left == 0) {
    Say(cli.out, "no blob of terraform-backend is left untouched\n");
  } else {
    Say(cli.out,
        Counted(*left, "blob of terraform-backend is", "blobs of terraform-backend are") +
            " left that none of these secrets and names explains, or that " +
            (*left == 1 ? "was" : "were") +
            " refused. Until all are adopted, or `statewardctl adopt --done` says that the "
            "rest is nobody's, an absent name is 409\n");
  }
}

int AdoptAll(const CliContext& cli, const Args& args) {
  Result<Tools> tools = Open(cli);
  if (!tools.ok()) return Fail(cli, tools.status());
  Result<AdoptSources> sources = ReadSources(cli, args, *tools);
  if (!sources.ok()) return Fail(cli, sources.status());
  Backends& b = tools->store().backends;
  Result<AdoptPlan> plan = MakeAdoptPlan(b, tools->store().store_id, *std::move(sources));
  if (!plan.ok()) return Fail(cli, plan.status());
  Report report;
  report.failed = plan->refused;
  AdoptEach(cli, *tools, args, *plan, &report);
  for (const Grant& ended : plan->ended) {
    if (args.Flag("dry-run")) break;
    Status finished = tools->adopter->Finish(ended);
    if (!finished.ok()) report.failed.push_back(StateText(ended.key) + ": " + finished.detail());
  }
  for (const std::string& line : report.failed) Say(cli.err, "not given: " + line + "\n");
  Say(cli.out, Counted(report.states, "state") + " with " + Counted(report.versions, "version") +
                   (args.Flag("dry-run") ? " would be given"
                    : report.states == 1 ? " was given"
                                         : " were given") +
                   " to identified users, " + Counted(report.failed.size(), "was", "were") +
                   " not\n");
  SayLeft(cli, *tools, args);
  return report.failed.empty() ? kExitOk : kExitFailed;
}

// One that was adopted to the end.
int FinishNamed(const CliContext& cli, Tools& tools, const Args& args,
                const std::vector<Grant>& adopted) {
  for (const Grant& from : adopted) {
    if (args.Flag("dry-run")) break;
    Status finished = tools.adopter->Finish(from);
    if (!finished.ok()) return Fail(cli, finished);
  }
  Say(cli.out, StateText(adopted.front().key) + " belongs to identified users already" +
                   (args.Flag("dry-run") ? "" : ", with the uploads that were kept since") + "\n");
  return kExitOk;
}

int AskForNamespace(const CliContext& cli, Tools& tools, const std::vector<Grant>& all) {
  const int code =
      Fail(cli, Status(Code::kConflict,
                       "several namespaces have a state of this name; choose one with --from:"));
  for (const Grant& from : all) {
    Result<Adopted> what = tools.adopter->Look(from);
    if (!what.ok()) continue;
    Say(cli.err, NamespaceTag(from.key.tenant) + "  serial " + std::to_string(what->newest.serial) +
                     ", " + FormatTime(what->newest.time_ms) + ", by " + what->newest.writer +
                     "\n");
  }
  return code;
}

// The namespace's grant, with terraform-backend's ids where the secret is given. kConflict: without
// it, a lock of terraform-backend could be passed over.
Status CompleteGrant(const CliContext& cli, const Args& args, Tools& tools, Grant* from) {
  if (args.Has("secrets")) {
    Result<AdoptSources> sources = ReadSources(cli, args, tools);
    if (!sources.ok()) return std::move(sources).status();
    for (const SecretString& secret : sources->secrets) {
      Result<Grant> grant = NamespaceGrant(secret, {from->key.project, from->key.name});
      if (!grant.ok()) return std::move(grant).status().At("a line of the secrets");
      if (grant->key.tenant != from->key.tenant) continue;
      *from = *std::move(grant);
      return Status();
    }
    return {Code::kConflict,
            "none of these secrets is the one of namespace " + NamespaceTag(from->key.tenant)};
  }
  Result<uint64_t> count = tools.store().backends.locker->CountLegacy();
  if (!count.ok()) {
    // As for every change (admin/find_state.h).
    if (count.status().code() != Code::kPermissionDenied) {
      return std::move(count).status().At(
          "nothing was given: whether terraform-backend holds a lock of it could not be looked up");
    }
    Say(cli.err, "whether terraform-backend holds a lock of it could not be looked up: " +
                     count.status().detail() + "\n");
    return Status();
  }
  if (*count == 0) return Status();
  return {Code::kConflict,
          "terraform-backend holds " + Counted(*count, "lock") +
              " here, and whether one is of this state cannot be told without its secret: give it "
              "with --secrets FILE, or repeat this when the runs of terraform-backend have ended"};
}

int AdoptNamed(const CliContext& cli, const Args& args) {
  Result<Tools> tools = Open(cli);
  if (!tools.ok()) return Fail(cli, tools.status());
  const StateKey state = args.State();
  const StateName name{state.project, state.name};
  OpenedStore& store = tools->store();
  Result<NamespacesStates> found =
      NamespacesOf(store.backends, store.store_id, name, args.Text("from"));
  if (!found.ok()) return Fail(cli, found.status());
  const std::vector<Grant>& all = found->live;
  if (all.empty() && !found->adopted.empty()) return FinishNamed(cli, *tools, args, found->adopted);
  if (all.empty()) {
    return Fail(cli, Status::NotFound(
                         "no namespace of basic auth has such a state (never written by this "
                         "server, or deleted); a blob of terraform-backend needs its secret: adopt "
                         "--all --secrets FILE --names FILE"));
  }
  if (all.size() > 1) return AskForNamespace(cli, *tools, all);
  Grant from = all.front();
  if (!args.Flag("dry-run")) {
    const Status complete = CompleteGrant(cli, args, *tools, &from);
    if (!complete.ok()) return Fail(cli, complete);
  }
  Result<Adopted> done =
      args.Flag("dry-run") ? tools->adopter->Look(from) : tools->adopter->Adopt(from);
  if (!done.ok()) return Fail(cli, done.status());
  Say(cli.out, (args.Flag("dry-run") ? "would be given to identified users: "
                                     : "belongs to identified users now: ") +
                   Describe(from, *done));
  return kExitOk;
}

int MarkDone(const CliContext& cli) {
  Result<Tools> tools = Open(cli);
  if (!tools.ok()) return Fail(cli, tools.status());
  Storage& storage = tools->store().storage();
  Result<uint64_t> left = CountUntouched(storage);
  ChangeTrail trail(tools->trail(), SystemClock(), tools->who, "adopt --done", {},
                    "untouched blobs of terraform-backend: " +
                        (left.ok() ? std::to_string(*left) : left.status().detail()));
  AuditHead head;
  Status marked = trail.Begin(&head);
  if (!marked.ok()) return Fail(cli, marked);
  marked = MarkUntouchedDone(storage);
  trail.End(marked);
  if (!marked.ok()) return Fail(cli, marked);
  Say(cli.out,
      (left.ok() ? Counted(*left, "blob") : std::string("an unknown number of blobs")) +
          " of terraform-backend left untouched. What is untouched counts as nobody's from now on: "
          "to identified users an absent name is 404. It stays where it is\n");
  return kExitOk;
}

}  // namespace

int CmdAdopt(const CliContext& cli, const Args& args) {
  const bool names = args.Has("names") || args.Has("names-from-log");
  const bool lists = names || args.Has("secrets");
  const bool state = args.Has("state");
  const bool good = args.Flag("all") ? !args.Flag("done") && !state && !args.Has("from")
                    : args.Flag("done")
                        ? !state && !lists && !args.Has("from") && !args.Flag("dry-run")
                        : state && !names;
  if (!good) return FailUsage(cli, "give one of PROJECT/NAME, --all, --done, and its options");
  if (args.Flag("done")) return MarkDone(cli);
  return args.Flag("all") ? AdoptAll(cli, args) : AdoptNamed(cli, args);
}

}  // namespace stateward
