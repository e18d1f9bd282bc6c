#include "cli/cmd_adopt.h"

#include <memory>
#include <utility>

#include "app/backends.h"
#include "auth/policy_auth.h"
#include "base/random.h"
#include "config/config.h"
#include "state/lock_info.h"
#include "state/state_service.h"
#include "state/tenant_index.h"

namespace stateward {
namespace {

// Enough of a namespace's digest to tell them apart.
constexpr size_t kShown = 16;

struct Candidate {
  StateId id;
  StateKey key;
  VersionInfo newest;
};

int Fail(const CliContext& cli, const std::string& why) {
  Say(cli.err, "statewardctl: " + why + "\n");
  return kExitFailed;
}

// The namespaces' states of this name that were not deleted.
Result<std::vector<Candidate>> Find(Backends& b, const std::string& store_id,
                                    const StateKey& wanted) {
  std::vector<StateId> ids;
  STATEWARD_RETURN_IF_ERROR(b.storage->List([&](const StateId& id) {
    ids.push_back(id);
    return true;
  }));
  std::vector<Candidate> found;
  for (const StateId& id : ids) {
    Grant grant;
    Result<Newest> newest = LoadNewest(*b.storage, *b.kms, store_id, grant, id, false);
    if (!newest.ok()) return std::move(newest).status();
    if (newest->damaged || newest->head == 0) continue;
    Result<Bytes> prefix = b.storage->GetPrefix(id, newest->head, Kms::kInfoPrefix);
    if (!prefix.ok()) return std::move(prefix).status();
    Result<SealedInfo> info = b.kms->OpenInfo({store_id, id, newest->head}, *prefix);
    if (!info.ok()) return std::move(info).status();
    bool ours = info->key.project == wanted.project && info->key.name == wanted.name;
    bool there = newest->version && newest->version->info.kind == RecordKind::kState;
    if (ours && there && !info->key.tenant.empty()) {
      found.push_back({id, info->key, newest->version->info});
    }
  }
  return found;
}

std::string Describe(const Candidate& c) {
  return c.key.tenant.substr(0, kShown) + "  serial " + std::to_string(c.newest.serial) + ", " +
         FormatTime(c.newest.time_ms) + ", by " + c.newest.writer + "\n";
}

// One that --from means; or the only one. Says why not.
const Candidate* Choose(const CliContext& cli, const std::vector<Candidate>& all,
                        const std::string& from) {
  const Candidate* chosen = nullptr;
  int fitting = 0;
  for (const Candidate& c : all) {
    if (c.key.tenant.compare(0, from.size(), from) != 0) continue;
    ++fitting;
    chosen = &c;
  }
  if (fitting == 1) return chosen;
  if (fitting == 0) {
    Fail(cli,
         "no namespace of basic auth has such a state (never written by this server, deleted, "
         "or adopted already)");
    return nullptr;
  }
  Fail(cli, "several namespaces have a state of this name; choose one with --from:");
  for (const Candidate& c : all) Say(cli.err, Describe(c));
  return nullptr;
}

class Adoption {
 public:
  Adoption(Backends& b, StateService& states, const Candidate& from)
      : index_(*b.storage), states_(states), from_(from), lock_id_("adopt-" + RandomHex(8)) {
    old_ = IdentifiedGrant(from.key, {Role::kAdmin, false, nullptr});
    new_ = old_;
    old_.key = from.key;
    old_.legacy_ids.clear();
    old_.principal = new_.principal = "statewardctl adopt";
  }

  // Under the old state's lock, so that nobody writes to it meanwhile.
  Status Run() {
    std::string info =
        "{\"ID\":\"" + lock_id_ + "\",\"Operation\":\"adopt\",\"Who\":\"statewardctl\"}";
    SecretBytes body(info.begin(), info.end());
    StateAnswer locked = states_.Lock(old_, body);
    if (locked.locked) return {Code::kConflict, "the state is locked: " + locked.holder};
    if (!locked.status.ok()) return locked.status;
    Status done = Move();
    StateAnswer unlocked = states_.Unlock(old_, body, "");
    return done.ok() ? unlocked.status : done;
  }

 private:
  // What a run that broke off has done already is not done again.
  Status Move() {
    StateAnswer document = states_.Get(old_);
    if (!document.status.ok()) return document.status;
    StateAnswer there = states_.Get(new_);
    bool same = there.status.ok() && ByteView(there.document) == ByteView(document.document);
    if (there.status.ok() && !same) {
      return {Code::kConflict, "identified users have another state of this name already"};
    }
    if (!same) {
      StateAnswer put = states_.Put(new_, "", document.document);
      if (!put.status.ok()) return put.status;
    }
    STATEWARD_RETURN_IF_ERROR(index_.MarkAdopted(from_.id, StateId::Of(new_.key)));
    return states_.Delete(old_, lock_id_).status;
  }

  TenantIndex index_;
  StateService& states_;
  const Candidate& from_;
  const std::string lock_id_;
  Grant old_;
  Grant new_;
};

class NoObserver : public Observer {
 public:
  void OnRequest(RouteName, Method, int, int64_t) override {}
  void OnBackendCall(BackendKind, std::string_view, bool, int64_t) override {}
  void OnQuarantined() override {}
};

int Adopt(const CliContext& cli, const StateKey& wanted, const std::string& from) {
  LoadedConfig loaded = LoadConfig(ReadEnvironment(), cli.env_file);
  if (!loaded.errors.empty()) return Fail(cli, loaded.errors.front());
  Log log(LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kError);
  Result<Backends> b = OpenBackends(loaded.config, PosixDisk());
  if (!b.ok()) return Fail(cli, b.status().detail());
  StoreGate gate(*b->storage, *b->locker);
  Result<std::shared_ptr<const StoreMarker>> store = gate.Store();
  if (!store.ok()) return Fail(cli, store.status().detail());
  Result<std::vector<Candidate>> all = Find(*b, (*store)->store_id, wanted);
  if (!all.ok()) return Fail(cli, all.status().detail());
  const Candidate* chosen = Choose(cli, *all, from);
  if (chosen == nullptr) return kExitFailed;
  StateRules rules;
  rules.write = {true, loaded.config.rules.write.strict, loaded.config.rules.write.legacy_read};
  rules.history = loaded.config.rules.history;
  NoObserver observer;
  StateService states(*b->storage, *b->locker, *b->kms, gate, SystemClock(), observer, log, rules);
  Status done = Adoption(*b, states, *chosen).Run();
  if (!done.ok()) return Fail(cli, done.detail());
  Say(cli.out, wanted.project + "/" + wanted.name + " belongs to identified users now; it was " +
                   Describe(*chosen));
  return kExitOk;
}

}  // namespace

int CmdAdopt(const CliContext& cli, const std::vector<std::string>& args) {
  bool with_from = args.size() == 4 && args[2] == "--from";
  if ((args.size() != 2 && !with_from) || args[0].empty() || args[1].empty()) {
    Say(cli.err, std::string("usage:\n") + kAdoptHelp);
    return kExitUsage;
  }
  return Adopt(cli, {"", args[0], args[1]}, with_from ? args[3] : "");
}

}  // namespace stateward
