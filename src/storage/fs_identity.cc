// The identity file of the fs storage, and the root folder that it proves.
#include <fcntl.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "storage/fs_layout.h"
#include "storage/fs_storage.h"

namespace stateward {

Result<StoreIdentity> FsStorage::ReadIdentity() {
  Result<Fd> root = OpenDirAt(disk_, AT_FDCWD, dir_);
  if (!root.ok()) return std::move(root).status();
  Result<Bytes> text = ReadFileAt(disk_, root->get(), fs_layout::kMarker, fs_layout::kMaxMarker);
  if (!text.ok()) return std::move(text).status();
  return fs_layout::ParseMarker(*text);
}

void FsStorage::Expect(const StoreIdentity& marker) {
  {
    std::lock_guard<std::mutex> hold(marker_mutex_);
    marker_ = marker;
  }
  folder_.Forget();
}

uint32_t FsStorage::Format() {
  std::lock_guard<std::mutex> hold(marker_mutex_);
  return marker_.format;
}

Result<FsStorage::Root> FsStorage::OpenRoot() {
  Result<Root> root = folder_.Open([this](ByteView text, int fd) { return Accept(text, fd); });
  if (root.ok()) return root;
  return fs_layout::NotProved(std::move(root).status(), "identity file (see `statewardctl init`)");
}

Status FsStorage::Accept(ByteView text, int root) {
  Result<StoreIdentity> marker = fs_layout::ParseMarker(text);
  if (!marker.ok()) return Status::Unavailable(marker.status().detail());
  std::lock_guard<std::mutex> hold(marker_mutex_);
  if (!marker_.store_id.empty() && !SameStore(marker_, *marker)) {
    return Status::Unavailable("another store, or one with another lock service, lies in " + dir_ +
                               " now; restart when that is meant");
  }
  STATEWARD_RETURN_IF_ERROR(fs_layout::CheckFileSystem(dir_));
  DiskStat stat;
  int r = disk_.Stat(root, &stat);
  if (r < 0) return FromErrno("stat", -r);
  if ((stat.mode & 022) != 0) {
    return Status::Unavailable(dir_ + " may be written by other users; chmod 0700 it");
  }
  marker_ = std::move(*marker);
  return Status();
}

Status FsStorage::WriteIdentity(const StoreIdentity& marker, const StoreIdentity* replaces) {
  int made = disk_.MakeDirAt(AT_FDCWD, dir_.c_str(), 0700);
  if (made < 0 && made != -EEXIST) return FromErrno("mkdir " + dir_, -made);
  Status last = SyncFolderAbove(disk_, dir_);
  // A folder that somebody else made, perhaps long ago, may lie where we cannot look.
  if (made == 0 && !last.ok()) return last;
  STATEWARD_RETURN_IF_ERROR(fs_layout::CheckFileSystem(dir_));
  Result<Fd> root = OpenDirAt(disk_, AT_FDCWD, dir_);
  if (!root.ok()) return std::move(root).status();
  std::string text = fs_layout::FormatMarker(marker);
  // One process at a time exchanges it.
  STATEWARD_RETURN_IF_ERROR(LockFd(disk_, root->get(), fs_layout::kFlockMs, "identity file"));
  DiskStat stat;
  if (disk_.StatAt(root->get(), fs_layout::kMarker, &stat) == 0) {
    if (replaces == nullptr) {
      // Its maker may have been told that it failed.
      STATEWARD_RETURN_IF_ERROR(
          SettleName(disk_, root->get(), fs_layout::kMarker, fs_layout::kMaxMarker));
      return {Code::kConflict, dir_ + " holds a store already"};
    }
    Result<StoreIdentity> now = ReadIdentity();
    if (!now.ok()) return std::move(now).status();
    if (!(*now == *replaces)) return {Code::kConflict, "the identity file was exchanged meanwhile"};
    STATEWARD_RETURN_IF_ERROR(
        ReplaceDurably(disk_, root->get(), fs_layout::kMarker, text, Keep::kReadOnly));
    std::lock_guard<std::mutex> hold(marker_mutex_);
    marker_ = {};
    return Status();
  }
  std::vector<std::string> names;
  int r = disk_.ListDir(root->get(), &names);
  if (r < 0) return FromErrno("list " + dir_, -r);
  std::string strange = fs_layout::StrangeName(names);
  if (!strange.empty()) {
    return {Code::kConflict, dir_ + " holds " + strange +
                                 ": a store is made only in an empty folder, or where "
                                 "terraform-backend's *.tfstate files are"};
  }
  for (const char* name : {fs_layout::kStates, fs_layout::kUploads, fs_layout::kLegacy}) {
    Result<Fd> dir = MakeFolderDurably(disk_, root->get(), name);
    if (!dir.ok()) return std::move(dir).status();
    r = disk_.ListDir(dir->get(), &names);
    if (r < 0) return FromErrno("list", -r);
    if (!names.empty()) {
      return {Code::kConflict, dir_ + "/" + name +
                                   " is not empty, but stateward-store is missing: see what "
                                   "happened to it before you make a new one"};
    }
  }
  Result<CreateOutcome> created =
      CreateDurably(disk_, root->get(), fs_layout::kMarker, text, Keep::kReadOnly);
  if (!created.ok()) return std::move(created).status();
  if (*created == CreateOutcome::kExists) return {Code::kConflict, "another process was first"};
  return Status();
}

}  // namespace stateward
