#include "cli/cmd_quarantine.h"

#include "app/backends.h"
#include "auth/policy_auth.h"
#include "base/hex.h"
#include "base/random.h"
#include "config/config.h"
#include "history/history.h"
#include "state/lock_info.h"
#include "state/state_service.h"
#include "state/store_gate.h"

namespace stateward {
namespace {

int Fail(const CliContext& context, const std::string& why) {
  fprintf(context.err, "statewardctl: %s\n", why.c_str());
  return 1;
}

// What identifies an entry on the command line.
std::string NameOf(const KeptUpload& entry) { return entry.content_tag; }

void PrintEntry(const CliContext& context, const History& history, const KeptUpload& entry) {
  std::string what = "cannot be opened";
  Result<SealedInfo> info = history.UploadInfo(entry);
  if (info.ok()) {
    what = info->key.project + "/" + info->key.name + " serial " +
           std::to_string(info->version.serial) + " by " + info->version.writer;
  }
  fprintf(context.out, "%s  %s  %8llu bytes  %s\n", NameOf(entry).c_str(),
          FormatTime(entry.time_ms).c_str(), static_cast<unsigned long long>(entry.size),
          what.c_str());
}

int Show(const CliContext& context, const History& history, const KeptUpload& entry) {
  Result<Opened> opened = history.OpenUpload(entry);
  if (!opened.ok()) return Fail(context, opened.status().detail());
  const SecretBytes& document = opened->document;
  bool written = fwrite(document.data(), 1, document.size(), context.out) == document.size();
  return written && fflush(context.out) == 0 ? 0 : Fail(context, "the output failed");
}

class NoObserver : public Observer {
 public:
  void OnRequest(RouteName, Method, int, int64_t) override {}
  void OnBackendCall(BackendKind, std::string_view, bool, int64_t) override {}
  void OnUploadKept() override {}
};

// The upload in the place of what is stored now: a write under a lock of its own that may replace
// history, as `tofu state push -force` would be.
Status PutInPlace(StateService& states, const Opened& upload) {
  Grant grant = IdentifiedGrant(upload.info.key, {Rights::All(), false, {}});
  grant.key = upload.info.key;
  if (!grant.key.tenant.empty())
    grant.legacy_ids.clear();  // those are of the name without a tenant
  grant.principal = "statewardctl quarantine restore";
  const std::string lock_id = "restore-" + RandomHex(8);
  const std::string info =
      "{\"ID\":\"" + lock_id + "\",\"Operation\":\"state-push\",\"Who\":\"statewardctl\"}";
  const SecretBytes body(info.begin(), info.end());
  StateAnswer locked = states.Lock(grant, body);
  if (locked.locked) return {Code::kConflict, "the state is locked: " + locked.holder};
  if (!locked.status.ok()) return locked.status;
  StateAnswer put = states.Put(grant, lock_id, upload.document);
  StateAnswer unlocked = states.Unlock(grant, body, "");
  return put.status.ok() ? unlocked.status : put.status;
}

int Restore(const CliContext& context, const Config& config, Backends& b, StoreGate& gate,
            const History& history, const KeptUpload& entry) {
  Result<Opened> opened = history.OpenUpload(entry);
  if (!opened.ok()) return Fail(context, opened.status().detail());
  StateRules rules;
  rules.write = {true, config.rules.write.strict, config.rules.write.legacy_read};
  rules.history = config.rules.history;
  NoObserver observer;
  Log log(LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kError);
  StateService states(*b.storage, *b.locker, *b.kms, gate, SystemClock(), observer, log, rules);
  Status done = PutInPlace(states, *opened);
  if (!done.ok()) return Fail(context, done.detail());
  const SealedInfo& info = opened->info;
  fprintf(context.out, "%s/%s has serial %llu now\n", info.key.project.c_str(),
          info.key.name.c_str(), static_cast<unsigned long long>(info.version.serial));
  return 0;
}

}  // namespace

// list: one line each. show TAG: the document on the output, to be pushed again
// (`tofu state push FILE`) or looked at. restore TAG: the same into the store, under a lock.
int CmdQuarantine(const CliContext& context, const std::vector<std::string>& arguments) {
  bool list = arguments.size() == 1 && arguments[0] == "list";
  bool show = arguments.size() == 2 && arguments[0] == "show";
  bool restore = arguments.size() == 2 && arguments[0] == "restore";
  if (!list && !show && !restore) {
    fprintf(context.err, "usage: statewardctl quarantine list | show ENTRY | restore ENTRY\n");
    return 2;
  }
  LoadedConfig loaded = LoadConfig(ReadEnvironment(), context.env_file);
  if (!loaded.errors.empty()) return Fail(context, loaded.errors.front());
  Result<Backends> b = OpenBackends(loaded.config, PosixDisk());
  if (!b.ok()) return Fail(context, b.status().detail());
  StoreGate gate(*b->storage, *b->locker);
  Result<std::shared_ptr<const StoreIdentity>> store = gate.Store();
  if (!store.ok()) return Fail(context, store.status().detail());
  const History history(*b->storage, *b->kms, (*store)->store_id);
  Result<std::vector<KeptUpload>> entries = b->storage->ListUploads();
  if (!entries.ok()) return Fail(context, entries.status().detail());
  for (const KeptUpload& entry : *entries) {
    if (list) PrintEntry(context, history, entry);
    if (list || NameOf(entry) != arguments[1]) continue;
    if (show) return Show(context, history, entry);
    return Restore(context, loaded.config, *b, gate, history, entry);
  }
  return list ? 0 : Fail(context, "no such entry");
}

}  // namespace stateward
