#include <memory>
#include <string>
#include <vector>

#include "auth/policy_auth.h"
#include "base/hex.h"
#include "base/random.h"
#include "cli/cmd.h"
#include "cli/local_admin.h"
#include "history/history.h"
#include "state/lock_info.h"
#include "state/state_service.h"

namespace stateward {
namespace {

// What identifies an entry on the command line.
std::string NameOf(const KeptUpload& entry) { return entry.content_tag; }

void PrintEntry(const CliContext& cli, const History& history, const KeptUpload& entry) {
  std::string what = "cannot be opened";
  Result<SealedInfo> info = history.UploadInfo(entry);
  if (info.ok()) {
    what = info->key.project + "/" + info->key.name + " serial " +
           std::to_string(info->version.serial) + " by " + info->version.writer;
  }
  fprintf(cli.out, "%s  %s  %8llu bytes  %s\n", NameOf(entry).c_str(),
          FormatTime(entry.time_ms).c_str(), static_cast<unsigned long long>(entry.size),
          what.c_str());
}

int Show(const CliContext& cli, const History& history, const KeptUpload& entry) {
  Result<Opened> opened = history.OpenUpload(entry);
  if (!opened.ok()) return Fail(cli, opened.status());
  const SecretBytes& document = opened->document;
  bool written = fwrite(document.data(), 1, document.size(), cli.out) == document.size();
  if (written && fflush(cli.out) == 0) return kExitOk;
  return Fail(cli, Status::Unavailable("the output failed"));
}

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

int Restore(const CliContext& cli, LocalAdmin& admin, const History& history,
            const KeptUpload& entry) {
  Result<Opened> opened = history.OpenUpload(entry);
  if (!opened.ok()) return Fail(cli, opened.status());
  const Status done = PutInPlace(admin.states(), *opened);
  if (!done.ok()) return Fail(cli, done);
  const SealedInfo& info = opened->info;
  Say(cli.out, info.key.project + "/" + info.key.name + " has serial " +
                   std::to_string(info.version.serial) + " now\n");
  return kExitOk;
}

enum class Does : uint8_t { kList, kShow, kRestore };

int Run(const CliContext& cli, const std::string& name, Does does) {
  Result<std::unique_ptr<LocalAdmin>> admin = LocalAdmin::Open(cli);
  if (!admin.ok()) return Fail(cli, admin.status());
  Result<History> history = (*admin)->service().OpenHistory();
  if (!history.ok()) return Fail(cli, history.status());
  Result<std::vector<KeptUpload>> entries = history->uploads().ListUploads();
  if (!entries.ok()) return Fail(cli, entries.status());
  for (const KeptUpload& entry : *entries) {
    if (does == Does::kList) PrintEntry(cli, *history, entry);
    if (does == Does::kList || NameOf(entry) != name) continue;
    if (does == Does::kShow) return Show(cli, *history, entry);
    return Restore(cli, **admin, *history, entry);
  }
  return does == Does::kList ? kExitOk : Fail(cli, Status::NotFound("no such entry"));
}

}  // namespace

int CmdQuarantineList(const CliContext& cli, const Args&) { return Run(cli, "", Does::kList); }

// The document on the output, to be looked at or pushed again (`tofu state push FILE`).
int CmdQuarantineShow(const CliContext& cli, const Args& args) {
  return Run(cli, args.Text("entry"), Does::kShow);
}

// The same into the store, under a lock.
int CmdQuarantineRestore(const CliContext& cli, const Args& args) {
  return Run(cli, args.Text("entry"), Does::kRestore);
}

}  // namespace stateward
