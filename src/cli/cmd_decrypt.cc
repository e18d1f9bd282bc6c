#include <fcntl.h>

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/files.h"
#include "base/hex.h"
#include "base/json.h"
#include "cli/cmd.h"
#include "cli/opened_store.h"
#include "cli/record_place.h"
#include "kms/open_kms.h"
#include "stateward/disk.h"
#include "stateward/kms.h"

namespace stateward {
namespace {

// The largest document that can be sealed, and what lies around it.
constexpr size_t kMaxRecord = (size_t{1} << 32) + (size_t{1} << 24);

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool IsLegacy(const Args& args, const std::string& file) {
  return args.Flag("legacy") || EndsWith(file, ".tfstate");
}

// What the options say wins over what the path says.
Result<SealContext> WhereIs(const Args& args, const std::string& file) {
  const std::optional<RecordPlace> place = PlaceOf(file);
  SealContext where;
  if (args.Has("state-id")) {
    if (!StateId::Parse(args.Text("state-id"), &where.id)) {
      return Status::InvalidArgument("--state-id has 64 hex digits");
    }
  } else {
    if (!place) return Status::InvalidArgument("the path does not tell the state: --state-id");
    where.id = place->id;
  }
  if (!args.Has("version") && !place) {
    return Status::InvalidArgument("the path does not tell the version: --version");
  }
  where.n = args.Has("version") ? args.Number("version") : place->n;
  if (args.Has("store-id")) {
    if (!IsHex(args.Text("store-id"), 32)) {
      return Status::InvalidArgument("--store-id has 32 hex digits");
    }
    where.store_id = args.Text("store-id");
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
    case RecordKind::kPurged:
      return "purged";
    case RecordKind::kMoved:
      return "moved";
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

Result<Opened> OpenFile(const CliContext& cli, const Args& args, const std::string& file) {
  Result<std::unique_ptr<Kms>> kms = KmsOf(cli);
  if (!kms.ok()) return kms.status();
  Result<Bytes> record = ReadFileAt(PosixDisk(), AT_FDCWD, file, kMaxRecord);
  if (!record.ok() && record.status().code() == Code::kNotFound) {
    return Status::InvalidArgument(file + ": no such file");
  }
  if (!record.ok()) return std::move(record).status().At(file);
  if (IsLegacy(args, file)) {
    Result<SecretBytes> document = (*kms)->OpenLegacy(*record);
    if (!document.ok()) return std::move(document).status().At(file);
    return Opened{{}, *std::move(document)};
  }
  Result<SealContext> where = WhereIs(args, file);
  if (!where.ok()) return where.status();
  Result<Opened> opened = (*kms)->Open(*where, *record);
  if (!opened.ok()) return std::move(opened).status().At(file);
  return opened;
}

// The document, once it is known that there is one.
Status Write(const CliContext& cli, const Opened& opened, bool legacy, bool info) {
  if (!legacy) {
    if (info) Say(cli.err, InfoLine(opened.info) + "\n");
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

int CmdDecrypt(const CliContext& cli, const Args& args) {
  const std::string file = WholePath(args.Text("file"));
  Result<Opened> opened = OpenFile(cli, args, file);
  if (!opened.ok()) return Fail(cli, opened.status());
  const Status done = Write(cli, *opened, IsLegacy(args, file), args.Flag("info"));
  return done.ok() ? kExitOk : Fail(cli, done);
}

}  // namespace stateward
