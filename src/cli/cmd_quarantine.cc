#include "cli/cmd_quarantine.h"

#include "app/backends.h"
#include "base/hex.h"
#include "config/config.h"
#include "state/lock_info.h"
#include "state/store_gate.h"

namespace stateward {
namespace {

int Fail(const CliContext& context, const std::string& why) {
  fprintf(context.err, "statewardctl: %s\n", why.c_str());
  return 1;
}

// What identifies an entry on the command line.
std::string NameOf(const QuarantineEntry& entry) { return entry.content_tag; }

void PrintEntry(const CliContext& context, Backends& b, const std::string& store_id,
                const QuarantineEntry& entry) {
  std::string what = "cannot be opened";
  Result<Bytes> sealed = b.storage->GetQuarantined(entry);
  if (sealed.ok()) {
    Result<SealedInfo> info = b.kms->OpenInfo({store_id, entry.id, 0}, *sealed);
    if (info.ok()) {
      what = info->key.project + "/" + info->key.name + " serial " +
             std::to_string(info->version.serial) + " by " + info->version.writer;
    }
  }
  fprintf(context.out, "%s  %s  %8llu bytes  %s\n", NameOf(entry).c_str(),
          FormatTime(entry.time_ms).c_str(), static_cast<unsigned long long>(entry.size),
          what.c_str());
}

int Show(const CliContext& context, Backends& b, const std::string& store_id,
         const QuarantineEntry& entry) {
  Result<Bytes> sealed = b.storage->GetQuarantined(entry);
  if (!sealed.ok()) return Fail(context, sealed.status().detail());
  Result<Opened> opened = b.kms->Open({store_id, entry.id, 0}, *sealed);
  if (!opened.ok()) return Fail(context, opened.status().detail());
  const SecretBytes& document = opened->document;
  bool written = fwrite(document.data(), 1, document.size(), context.out) == document.size();
  return written && fflush(context.out) == 0 ? 0 : Fail(context, "the output failed");
}

}  // namespace

// list: one line each. show TAG: the document on the output, to be pushed again
// (`tofu state push FILE`) or looked at.
int CmdQuarantine(const CliContext& context, const std::vector<std::string>& arguments) {
  bool list = arguments.size() == 1 && arguments[0] == "list";
  bool show = arguments.size() == 2 && arguments[0] == "show";
  if (!list && !show) {
    fprintf(context.err, "usage: statewardctl quarantine list | show ENTRY\n");
    return 2;
  }
  LoadedConfig loaded = LoadConfig(ReadEnvironment(), context.env_file);
  if (!loaded.errors.empty()) return Fail(context, loaded.errors.front());
  Result<Backends> b = OpenBackends(loaded.config, PosixDisk());
  if (!b.ok()) return Fail(context, b.status().detail());
  StoreGate gate(*b->storage, *b->locker);
  Result<std::shared_ptr<const StoreMarker>> store = gate.Store();
  if (!store.ok()) return Fail(context, store.status().detail());
  Result<std::vector<QuarantineEntry>> entries = b->storage->ListQuarantine();
  if (!entries.ok()) return Fail(context, entries.status().detail());
  for (const QuarantineEntry& entry : *entries) {
    if (list) PrintEntry(context, *b, (*store)->store_id, entry);
    if (show && NameOf(entry) == arguments[1]) {
      return Show(context, *b, (*store)->store_id, entry);
    }
  }
  return list ? 0 : Fail(context, "no such entry");
}

}  // namespace stateward
