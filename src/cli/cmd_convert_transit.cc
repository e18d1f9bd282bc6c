#include <fcntl.h>

#include <filesystem>

#include "base/files.h"
#include "cli/cmd.h"
#include "cli/opened_store.h"
#include "kms/exported_keys.h"

namespace stateward {
namespace {

// Vault takes requests of 32 MiB, and base64 makes a text a third longer.
constexpr size_t kMaxText = size_t{64} << 20;

Result<Bytes> Convert(const CliContext& cli, const std::string& file) {
  Result<KmsSettings> settings = KmsSettingsOf(cli);
  if (!settings.ok()) return std::move(settings).status();
  KmsSettings local;
  local.key = settings->key;
  local.keyring = settings->keyring;
  Result<std::unique_ptr<Kms>> kms = OpenKms(local);
  if (!kms.ok()) return std::move(kms).status();
  Result<Bytes> text = ReadFileAt(PosixDisk(), AT_FDCWD, file, kMaxText);
  if (!text.ok()) return std::move(text).status().At(file);
  while (!text->empty() && text->back() == '\n') text->pop_back();
  Result<Bytes> blob = DecodeTransitText(*text);
  if (!blob.ok()) return std::move(blob).status().At(file);
  Result<SecretBytes> document = (*kms)->OpenLegacy(*blob);
  if (!document.ok()) return std::move(document).status().At(file);
  return blob;
}

Status InPlace(const std::string& file, ByteView blob) {
  const std::filesystem::path path(file);
  const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
  Result<Fd> dir = OpenDirAt(PosixDisk(), AT_FDCWD, folder);
  if (!dir.ok()) return std::move(dir).status().At(folder);
  const std::string name = path.filename().string();
  Result<Bytes> old = ReadFileAt(PosixDisk(), dir->get(), name, kMaxText);
  if (!old.ok()) return std::move(old).status().At(file);
  Result<CreateOutcome> kept =
      CreateDurably(PosixDisk(), dir->get(), name + ".backup", *old, Keep::kWritable);
  if (!kept.ok()) return std::move(kept).status().At(file + ".backup");
  if (*kept == CreateOutcome::kExists) {
    return Status(Code::kConflict, file + ".backup is there already; nothing was changed");
  }
  return ReplaceDurably(PosixDisk(), dir->get(), name, blob, Keep::kWritable);
}

}  // namespace

int CmdConvertTransit(const CliContext& cli, const Args& args) {
  const std::string& file = args.Text("file");
  const bool in_place = args.Flag("in-place");
  Result<Bytes> blob = Convert(cli, file);
  Status done = blob.ok() ? Status() : blob.status();
  if (done.ok() && in_place) done = InPlace(file, *blob);
  if (done.ok() && !in_place &&
      (std::fwrite(blob->data(), 1, blob->size(), cli.out) != blob->size() ||
       std::fflush(cli.out) != 0)) {
    done = Status::Unavailable("cannot write the state");
  }
  return done.ok() ? kExitOk : Fail(cli, done);
}

}  // namespace stateward
