// The original's data and claims in the fs storage.
#include <fcntl.h>

#include <unordered_set>
#include <utility>

#include "storage/fs_layout.h"
#include "storage/fs_storage.h"

namespace stateward {
namespace {

using fs_layout::kFlockMs;
using fs_layout::NotProved;

// The state's id in hex and a line's end.
constexpr size_t kMaxClaim = 2 * sizeof(Sha256Digest) + 1;

}  // namespace

Result<Bytes> FsStorage::GetLegacy(const std::string& legacy_id) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  return ReadFileAt(disk_, root->get(), fs_layout::LegacyName(legacy_id), fs_layout::kMaxLegacy);
}

Status FsStorage::ListLegacy(const std::function<bool(const LegacyBlob&)>& each) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  std::vector<std::string> names;
  int r = disk_.ListDir(root->get(), &names);
  if (r < 0) return FromErrno("listing needs the right to read " + dir_, -r);
  // Behind the blobs: what is claimed meanwhile is seen as claimed.
  Result<Fd> dir = OpenDirAt(disk_, root->get(), fs_layout::kLegacy);
  if (!dir.ok()) return NotProved(std::move(dir).status(), "folder of claims");
  std::vector<std::string> claims;
  r = disk_.ListDir(dir->get(), &claims);
  if (r < 0) return FromErrno("listing needs the right to read the folder legacy", -r);
  const std::unordered_set<std::string> claimed(claims.begin(), claims.end());
  for (const std::string& name : names) {
    std::optional<std::string> legacy_id = fs_layout::ParseLegacyName(name);
    if (legacy_id && !each({*legacy_id, claimed.count(*legacy_id) > 0})) return Status();
  }
  return Status();
}

Result<std::optional<StateId>> FsStorage::ReadClaim(int root, const std::string& legacy_id) {
  Result<Bytes> text =
      ReadFileAt(disk_, root, std::string(fs_layout::kLegacy) + "/" + legacy_id, kMaxClaim);
  if (!text.ok()) {
    if (text.status().code() != Code::kNotFound) return std::move(text).status();
    DiskStat stat;
    if (disk_.StatAt(root, fs_layout::kLegacy, &stat) < 0) {
      return NotProved(std::move(text).status(), "folder of claims");
    }
    return std::optional<StateId>();
  }
  StateId id;
  std::string hex(ByteView(*text).AsString().substr(0, 2 * sizeof(Sha256Digest)));
  if (!StateId::Parse(hex, &id)) return Status::Corruption("legacy claim " + legacy_id);
  return std::optional<StateId>(id);
}

Result<std::optional<StateId>> FsStorage::LegacyClaim(const std::string& legacy_id) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  return ReadClaim(root->get(), legacy_id);
}

Result<StateId> FsStorage::ClaimLegacy(const std::string& legacy_id, const StateId& id) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> dir = OpenDirAt(disk_, root->get(), fs_layout::kLegacy);
  if (!dir.ok()) return NotProved(std::move(dir).status(), "folder of claims");
  Result<CreateOutcome> created = CreateDurably(disk_, dir->get(), legacy_id, id.hex() + "\n",
                                                Keep::kReadOnly, root->journal());
  if (!created.ok()) return std::move(created).status();
  if (*created == CreateOutcome::kCreated) return id;
  STATEWARD_RETURN_IF_ERROR(LockFd(disk_, dir->get(), kFlockMs, "legacy claims"));
  STATEWARD_RETURN_IF_ERROR(SettleName(disk_, dir->get(), legacy_id, kMaxClaim));
  Result<std::optional<StateId>> claim = ReadClaim(root->get(), legacy_id);
  if (!claim.ok()) return std::move(claim).status();
  if (!claim->has_value()) return Status::Unavailable("legacy claim vanished");
  return std::move(**claim);
}

}  // namespace stateward
