#include "cli/cmd_decrypt.h"

#include <fcntl.h>

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/files.h"
#include "base/hex.h"
#include "base/json.h"
#include "cli/opened_store.h"
#include "cli/record_place.h"
#include "kms/open_kms.h"
#include "stateward/disk.h"
#include "stateward/kms.h"

namespace stateward {
namespace {

// The largest document that can be sealed, and what lies around it.
constexpr size_t kMaxRecord = (size_t{1} << 32) + (size_t{1} << 24);

struct Options {
  std::string file;
  std::optional<std::string> store_id;
  std::optional<std::string> state_id;
  std::optional<uint64_t> version;
  bool legacy = false;
  bool info = false;
};

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// The text says what is wrong with the arguments.
Result<Options> ParseArguments(const std::vector<std::string>& args) {
  Options options;
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    if (arg == "--legacy") {
      options.legacy = true;
    } else if (arg == "--info") {
      options.info = true;
    } else if (arg == "--store-id" || arg == "--state-id" || arg == "--version") {
      if (++i == args.size()) return Status::InvalidArgument(arg + " needs a value");
      if (arg == "--store-id") options.store_id = args[i];
      if (arg == "--state-id") options.state_id = args[i];
      if (arg == "--version") {
        options.version = ParseUint64(args[i]);
        if (!options.version) return Status::InvalidArgument("--version needs a number");
      }
    } else if (arg.substr(0, 1) == "-" || !options.file.empty()) {
      return Status::InvalidArgument("unexpected argument " + arg);
    } else {
      options.file = arg;
    }
  }
  if (options.file.empty()) return Status::InvalidArgument("no file is named");
  options.file = WholePath(options.file);
  options.legacy = options.legacy || EndsWith(options.file, ".tfstate");
  return options;
}

// What the options say wins over what the path says.
Result<SealContext> WhereIs(const Options& options) {
  const std::optional<RecordPlace> place = PlaceOf(options.file);
  SealContext where;
  if (options.state_id) {
    if (!StateId::Parse(*options.state_id, &where.id)) {
      return Status::InvalidArgument("--state-id has 64 hex digits");
    }
  } else {
    if (!place) return Status::InvalidArgument("the path does not tell the state: --state-id");
    where.id = place->id;
  }
  if (!options.version && !place) {
    return Status::InvalidArgument("the path does not tell the version: --version");
  }
  where.n = options.version ? *options.version : place->n;
  if (options.store_id) {
    if (!IsHex(*options.store_id, 32)) {
      return Status::InvalidArgument("--store-id has 32 hex digits");
    }
    where.store_id = *options.store_id;
    return where;
  }
  if (!place) return Status::InvalidArgument("the path does not tell the store: --store-id");
  Result<std::string> store_id = StoreIdOf(PosixDisk(), place->store_dir);
  if (!store_id.ok()) return std::move(store_id).status().At("no store id (--store-id gives one)");
  where.store_id = *std::move(store_id);
  return where;
}

Result<std::unique_ptr<Kms>> KmsOf(const CliContext& cli) {
  Result<KmsSettings> settings = KmsSettingsOf(cli);
  if (!settings.ok()) return std::move(settings).status();
  settings->only_opens = true;
  return OpenKms(*settings);
}

std::string_view KindName(RecordKind kind) {
  switch (kind) {
    case RecordKind::kState:
      return "state";
    case RecordKind::kTombstone:
      return "tombstone";
    case RecordKind::kNoOp:
      return "no-op";
  }
  return "";
}

std::string InfoLine(const SealedInfo& info) {
  const VersionInfo& v = info.version;
  JsonWriter w;
  w.BeginObject().Key("project").String(info.key.project).Key("name").String(info.key.name);
  w.Key("tenant").String(info.key.tenant).Key("kind").String(KindName(v.kind));
  w.Key("serial").Uint(v.serial).Key("lineage").String(v.lineage);
  w.Key("terraform_version").String(v.terraform_version).Key("size").Uint(v.size);
  w.Key("sha256").String(HexEncode(v.sha256)).Key("writer").String(v.writer);
  w.Key("operation").String(v.operation).Key("lock_id").String(v.lock_id);
  w.Key("lock_base").Uint(v.lock_base).Key("time_ms").Int(v.time_ms);
  if (v.kind == RecordKind::kNoOp) w.Key("newest_version").Uint(v.newest_real);
  w.EndObject();
  return std::move(w).Take();
}

Result<Opened> OpenFile(const CliContext& cli, const Options& options) {
  Result<std::unique_ptr<Kms>> kms = KmsOf(cli);
  if (!kms.ok()) return kms.status();
  Result<Bytes> record = ReadFileAt(PosixDisk(), AT_FDCWD, options.file, kMaxRecord);
  if (!record.ok()) return std::move(record).status().At(options.file);
  if (options.legacy) {
    Result<SecretBytes> document = (*kms)->OpenLegacy(*record);
    if (!document.ok()) return std::move(document).status().At(options.file);
    return Opened{{}, *std::move(document)};
  }
  Result<SealContext> where = WhereIs(options);
  if (!where.ok()) return where.status();
  Result<Opened> opened = (*kms)->Open(*where, *record);
  if (!opened.ok()) return std::move(opened).status().At(options.file);
  return opened;
}

// The document, once it is known that there is one.
Status Write(const CliContext& cli, const Options& options, const Opened& opened) {
  if (!options.legacy) {
    if (options.info) Say(cli.err, InfoLine(opened.info) + "\n");
    if (opened.info.version.kind != RecordKind::kState) {
      return Status::NotFound("this version holds no state: it is a " +
                              std::string(KindName(opened.info.version.kind)) + " record");
    }
  }
  const SecretBytes& document = opened.document;
  if (std::fwrite(document.data(), 1, document.size(), cli.out) != document.size() ||
      std::fflush(cli.out) != 0) {
    return Status::Unavailable("cannot write the state");
  }
  return Status();
}

}  // namespace

int CmdDecrypt(const CliContext& cli, const std::vector<std::string>& args) {
  Result<Options> options = ParseArguments(args);
  if (!options.ok()) {
    Say(cli.err, "statewardctl: decrypt: " + options.status().detail() + "\nusage: statewardctl " +
                     kDecryptHelp);
    return kExitUsage;
  }
  Result<Opened> opened = OpenFile(cli, *options);
  const Status done = opened.ok() ? Write(cli, *options, *opened) : opened.status();
  if (done.ok()) return kExitOk;
  Say(cli.err, "statewardctl: decrypt: " + done.detail() + "\n");
  return kExitFailed;
}

}  // namespace stateward
