// Kept uploads in the fs storage: a folder for each principal, a file for each upload.
#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "base/hex.h"
#include "storage/fs_layout.h"
#include "storage/fs_storage.h"

namespace stateward {
namespace {

using fs_layout::kFlockMs;
using fs_layout::kMaxRecord;
using fs_layout::NotProved;

std::string FolderOf(const std::string& principal_tag) {
  return std::string(fs_layout::kUploads) + "/" + principal_tag;
}

std::string PathOf(const KeptUpload& upload) {
  return FolderOf(upload.principal_tag) + "/" + fs_layout::UploadName(upload);
}

// Entries of one principal, oldest first. What has an upload's name and is no file is none.
Result<std::vector<KeptUpload>> EntriesOf(Disk& disk, int dir, const std::string& tag) {
  std::vector<std::string> names;
  int r = disk.ListDir(dir, &names);
  // -ENOENT: the folder was empty, and its first entry is being made.
  if (r < 0 && r != -ENOENT) return FromErrno("list " + FolderOf(tag), -r);
  std::sort(names.begin(), names.end());
  std::vector<KeptUpload> entries;
  for (const std::string& name : names) {
    std::optional<KeptUpload> entry = fs_layout::ParseUploadName(tag, name);
    if (!entry) continue;
    DiskStat stat;
    r = disk.StatAt(dir, name.c_str(), &stat);
    if (r == -ENOENT) continue;  // removed meanwhile
    // One that is left out is one that rekey does not seal again.
    if (r < 0) return DiskError(FolderOf(tag) + "/" + name, r);
    if (stat.is_file) entries.push_back(std::move(*entry));
  }
  return entries;
}

// Whether anything but a folder has the name.
bool IsNoFolder(Disk& disk, int dir, const std::string& name) {
  DiskStat stat;
  return disk.StatAt(dir, name.c_str(), &stat) == 0 && !stat.is_dir;
}

}  // namespace

Status FsStorage::PutUpload(const KeptUpload& upload, ByteView sealed) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> all = OpenDirAt(disk_, root->get(), fs_layout::kUploads);
  if (!all.ok()) return NotProved(std::move(all).status(), "folder of kept uploads");
  // Until something lies in the principal's folder, whose name then lasts.
  STATEWARD_RETURN_IF_ERROR(LockFd(disk_, all->get(), kFlockMs, "kept uploads"));
  Result<Fd> dir = MakeFolderDurably(disk_, all->get(), upload.principal_tag);
  if (!dir.ok()) return std::move(dir).status();
  std::vector<std::string> names;
  int r = disk_.ListDir(dir->get(), &names);
  if (r < 0) return FromErrno("list uploads", -r);
  if (!names.empty()) all->Reset();
  STATEWARD_RETURN_IF_ERROR(LockFd(disk_, dir->get(), kFlockMs, "kept uploads"));
  const std::string name = fs_layout::UploadName(upload);
  Result<CreateOutcome> created =
      CreateDurably(disk_, dir->get(), name, sealed, Keep::kReadOnly, root->journal());
  if (!created.ok()) return std::move(created).status();
  if (*created == CreateOutcome::kCreated) return Status();
  return SettleName(disk_, dir->get(), name, kMaxRecord);
}

Status FsStorage::SettleUpload(const KeptUpload& upload) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> dir = OpenDirAt(disk_, root->get(), FolderOf(upload.principal_tag));
  if (!dir.ok()) return NoUpload(root->get(), std::move(dir).status());
  // As in ReplaceUpload, which must not be undone.
  STATEWARD_RETURN_IF_ERROR(LockFd(disk_, dir->get(), kFlockMs, "kept uploads"));
  return SettleName(disk_, dir->get(), fs_layout::UploadName(upload), kMaxRecord);
}

Result<std::vector<KeptUpload>> FsStorage::ListUploads() {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> all = OpenDirAt(disk_, root->get(), fs_layout::kUploads);
  if (!all.ok()) return NotProved(std::move(all).status(), "folder of kept uploads");
  std::vector<std::string> tags;
  int r = disk_.ListDir(all->get(), &tags);
  if (r < 0) return FromErrno("list uploads", -r);
  std::sort(tags.begin(), tags.end());
  std::vector<KeptUpload> out;
  for (const std::string& tag : tags) {
    if (!IsHex(tag, 32)) continue;
    Result<Fd> dir = OpenDirAt(disk_, all->get(), tag);
    if (!dir.ok() && dir.status().code() == Code::kNotFound) continue;
    if (!dir.ok() && IsNoFolder(disk_, all->get(), tag)) continue;
    if (!dir.ok()) return std::move(dir).status().At(fs_layout::kUploads);
    Result<std::vector<KeptUpload>> entries = EntriesOf(disk_, dir->get(), tag);
    if (!entries.ok()) return std::move(entries).status();
    std::move(entries->begin(), entries->end(), std::back_inserter(out));
  }
  return out;
}

Result<std::vector<KeptUpload>> FsStorage::ListUploadsOf(const std::string& principal_tag) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> dir = OpenDirAt(disk_, root->get(), FolderOf(principal_tag));
  if (dir.ok()) return EntriesOf(disk_, dir->get(), principal_tag);
  Status why = NoUpload(root->get(), std::move(dir).status());
  if (why.code() != Code::kNotFound) return why;
  return std::vector<KeptUpload>();
}

// Absence is proved only while the folder of all uploads is there.
Status FsStorage::NoUpload(int root, Status why) {
  if (why.code() != Code::kNotFound) return why;
  DiskStat stat;
  if (disk_.StatAt(root, fs_layout::kUploads, &stat) == 0) return why;
  return NotProved(std::move(why), "folder of kept uploads");
}

Result<Bytes> FsStorage::GetUpload(const KeptUpload& upload) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Bytes> bytes = ReadFileAt(disk_, root->get(), PathOf(upload), kMaxRecord);
  return bytes.ok() ? std::move(bytes) : NoUpload(root->get(), std::move(bytes).status());
}

Result<Bytes> FsStorage::GetUploadPrefix(const KeptUpload& upload, size_t limit) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Bytes> front = ReadFrontAt(disk_, root->get(), PathOf(upload), limit);
  return front.ok() ? std::move(front) : NoUpload(root->get(), std::move(front).status());
}

// The size stands in the name, so another size is another file, made before the old one goes.
Status FsStorage::ReplaceUpload(const KeptUpload& entry, ByteView sealed) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> dir = OpenDirAt(disk_, root->get(), FolderOf(entry.principal_tag));
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
  if (!all.ok()) return NotProved(std::move(all).status(), "folder of kept uploads");
  Result<Fd> dir = OpenDirAt(disk_, all->get(), entry.principal_tag);
  if (!dir.ok() && dir.status().code() == Code::kNotFound) return Status();
  if (!dir.ok()) return std::move(dir).status();
  // One that is being replaced would come back.
  STATEWARD_RETURN_IF_ERROR(LockFd(disk_, dir->get(), kFlockMs, "kept uploads"));
  int r = disk_.UnlinkAt(dir->get(), fs_layout::UploadName(entry).c_str());
  return r < 0 && r != -ENOENT ? FromErrno("unlink " + PathOf(entry), -r) : Status();
}

}  // namespace stateward
