// What the fs storage keeps beside the versions: kept uploads and the original's data.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <unordered_set>
#include <utility>

#include "base/hex.h"
#include "storage/fs_layout.h"
#include "storage/fs_storage.h"

namespace stateward {
namespace {

// Nothing younger is evicted : its sender may have lost the only other copy.
constexpr int64_t kKeptMs = 7LL * 24 * 60 * 60 * 1000;
constexpr int kFlockMs = 10000;
// The original set no limit; beyond a gibibyte it could not have served it.
constexpr size_t kMaxLegacy = size_t{1} << 30;
// The state's id in hex and a line's end.
constexpr size_t kMaxClaim = 2 * sizeof(Sha256Digest) + 1;

Status NeedFolder(Status status, const char* name) {
  if (status.code() != Code::kNotFound) return status;
  return Status::Unavailable(std::string("folder ") + name + " is missing");
}

std::string PathOf(const KeptUpload& upload) {
  return std::string(fs_layout::kUploads) + "/" + upload.principal_tag + "/" +
         fs_layout::UploadName(upload);
}

// Entries of one principal, oldest first.
Result<std::vector<KeptUpload>> EntriesOf(Disk& disk, int dir, const std::string& tag) {
  std::vector<std::string> names;
  int r = disk.ListDir(dir, &names);
  if (r < 0) return FromErrno("list uploads", -r);
  std::sort(names.begin(), names.end());
  std::vector<KeptUpload> entries;
  for (const std::string& name : names) {
    std::optional<KeptUpload> entry = fs_layout::ParseUploadName(tag, name);
    if (entry) entries.push_back(std::move(*entry));
  }
  return entries;
}

}  // namespace

Status FsStorage::PutUpload(const KeptUpload& entry, ByteView sealed) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> all = OpenDirAt(disk_, root->get(), fs_layout::kUploads);
  if (!all.ok()) return NeedFolder(std::move(all).status(), fs_layout::kUploads);
  STATEWARD_RETURN_IF_ERROR(LockFd(disk_, all->get(), kFlockMs, "kept uploads"));
  Result<Fd> dir = MakeFolderDurably(disk_, all->get(), entry.principal_tag);
  if (!dir.ok()) return std::move(dir).status();
  STATEWARD_RETURN_IF_ERROR(LockFd(disk_, dir->get(), kFlockMs, "kept uploads"));
  Result<std::vector<KeptUpload>> entries = EntriesOf(disk_, dir->get(), entry.principal_tag);
  if (!entries.ok()) return std::move(entries).status();
  // What lies in it keeps the folder from being made again.
  if (!entries->empty()) all->Reset();
  uint64_t bytes = sealed.size();
  for (const KeptUpload& old : *entries) {
    if (old.content_tag == entry.content_tag) {
      return SettleName(disk_, dir->get(), fs_layout::UploadName(old), kMaxLegacy);
    }
    bytes += old.size;
  }
  for (const KeptUpload& old : *entries) {
    if (bytes <= options_.uploads_max_bytes) break;
    if (clock_.NowMs() - old.time_ms < kKeptMs) break;
    int r = disk_.UnlinkAt(dir->get(), fs_layout::UploadName(old).c_str());
    if (r < 0 && r != -ENOENT) return FromErrno("unlink", -r);
    bytes -= old.size;
  }
  if (bytes > options_.uploads_max_bytes) {
    return Status::Unavailable(
        "kept uploads: the principal's share is full (KEPT_UPLOADS_MAX_BYTES)");
  }
  Result<CreateOutcome> created = CreateDurably(disk_, dir->get(), fs_layout::UploadName(entry),
                                                sealed, Keep::kReadOnly, root->journal());
  return created.ok() ? Status() : std::move(created).status();
}

Result<std::vector<KeptUpload>> FsStorage::ListUploads() {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> all = OpenDirAt(disk_, root->get(), fs_layout::kUploads);
  if (!all.ok()) return NeedFolder(std::move(all).status(), fs_layout::kUploads);
  std::vector<std::string> tags;
  int r = disk_.ListDir(all->get(), &tags);
  if (r < 0) return FromErrno("list uploads", -r);
  std::sort(tags.begin(), tags.end());
  std::vector<KeptUpload> out;
  for (const std::string& tag : tags) {
    if (!IsHex(tag, 32)) continue;
    Result<Fd> dir = OpenDirAt(disk_, all->get(), tag);
    if (!dir.ok()) continue;
    Result<std::vector<KeptUpload>> entries = EntriesOf(disk_, dir->get(), tag);
    if (!entries.ok()) return std::move(entries).status();
    std::move(entries->begin(), entries->end(), std::back_inserter(out));
  }
  return out;
}

// Absence is proved only while the folder of all uploads is there.
Status FsStorage::NoUpload(int root, Status why) {
  if (why.code() != Code::kNotFound) return why;
  DiskStat stat;
  if (disk_.StatAt(root, fs_layout::kUploads, &stat) == 0) return why;
  return NeedFolder(std::move(why), fs_layout::kUploads);
}

Result<Bytes> FsStorage::GetUpload(const KeptUpload& upload) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Bytes> bytes = ReadFileAt(disk_, root->get(), PathOf(upload), kMaxLegacy);
  return bytes.ok() ? std::move(bytes) : NoUpload(root->get(), std::move(bytes).status());
}

Result<Bytes> FsStorage::GetUploadPrefix(const KeptUpload& upload, size_t limit) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> file = OpenFileAt(disk_, root->get(), PathOf(upload), O_RDONLY);
  if (!file.ok()) return NoUpload(root->get(), std::move(file).status());
  return ReadUpTo(disk_, file->get(), limit);
}

// The size stands in the name, so another size is another file, made before the old one goes.
Status FsStorage::ReplaceUpload(const KeptUpload& entry, ByteView sealed) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> dir =
      OpenDirAt(disk_, root->get(), std::string(fs_layout::kUploads) + "/" + entry.principal_tag);
  if (!dir.ok()) return std::move(dir).status();
  STATEWARD_RETURN_IF_ERROR(LockFd(disk_, dir->get(), kFlockMs, "kept uploads"));
  const std::string name = fs_layout::UploadName(entry);
  DiskStat stat;
  const int there = disk_.StatAt(dir->get(), name.c_str(), &stat);
  if (there < 0) return FromErrno("stat", -there);
  KeptUpload resized = entry;
  resized.size = sealed.size();
  const std::string target = fs_layout::UploadName(resized);
  STATEWARD_RETURN_IF_ERROR(ReplaceDurably(disk_, dir->get(), target, sealed));
  if (target == name) return Status();
  const int r = disk_.UnlinkAt(dir->get(), name.c_str());
  if (r < 0 && r != -ENOENT) return FromErrno("unlink", -r);
  return SyncFd(disk_, dir->get(), "kept uploads");
}

Status FsStorage::RemoveUpload(const KeptUpload& entry) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> all = OpenDirAt(disk_, root->get(), fs_layout::kUploads);
  if (!all.ok()) return NeedFolder(std::move(all).status(), fs_layout::kUploads);
  Result<Fd> dir = OpenDirAt(disk_, all->get(), entry.principal_tag);
  if (!dir.ok() && dir.status().code() == Code::kNotFound) return Status();
  if (!dir.ok()) return std::move(dir).status();
  int r = disk_.UnlinkAt(dir->get(), fs_layout::UploadName(entry).c_str());
  return r < 0 && r != -ENOENT ? FromErrno("unlink", -r) : Status();
}

Result<Bytes> FsStorage::GetLegacy(const std::string& legacy_id) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  return ReadFileAt(disk_, root->get(), fs_layout::LegacyName(legacy_id), kMaxLegacy);
}

Status FsStorage::ListLegacy(const std::function<bool(const LegacyBlob&)>& each) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  std::vector<std::string> names;
  int r = disk_.ListDir(root->get(), &names);
  if (r < 0) return FromErrno("listing needs the right to read " + options_.dir, -r);
  // Behind the blobs: what is claimed meanwhile is seen as claimed.
  Result<Fd> dir = OpenDirAt(disk_, root->get(), fs_layout::kLegacy);
  if (!dir.ok()) return NeedFolder(std::move(dir).status(), fs_layout::kLegacy);
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
      return NeedFolder(std::move(text).status(), fs_layout::kLegacy);
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
  if (!dir.ok()) return NeedFolder(std::move(dir).status(), fs_layout::kLegacy);
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
