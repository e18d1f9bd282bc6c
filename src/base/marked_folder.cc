#include "base/marked_folder.h"

#include <fcntl.h>

#include <utility>

namespace stateward {
namespace {

// To move, link or exchange a file changes one of these.
bool IsSameFile(const DiskStat& a, const DiskStat& b) {
  return a.device == b.device && a.inode == b.inode && a.changed_ns == b.changed_ns &&
         a.size == b.size;
}

}  // namespace

MarkedFolder::MarkedFolder(Disk& disk, std::string dir, const std::string& marker, size_t limit)
    : disk_(disk),
      dir_(std::move(dir)),
      marker_(marker),
      marker_path_(dir_ + "/" + marker),
      limit_(limit) {}

Result<MarkedFolder::Root> MarkedFolder::Open(const Accept& accept) {
  DiskStat now;
  const bool seen = disk_.StatAt(AT_FDCWD, marker_path_.c_str(), &now) == 0;
  {
    std::lock_guard<std::mutex> hold(mutex_);
    if (seen && root_ && IsSameFile(now, accepted_)) return Root(root_);
    // Kept open, it would hold a disk that must be unmounted.
    root_.reset();
  }
  Result<Fd> root = OpenDirAt(disk_, AT_FDCWD, dir_);
  if (!root.ok()) return std::move(root).status();
  // Before it is read: a change after this look is seen by the next one.
  int r = disk_.StatAt(root->get(), marker_.c_str(), &now);
  if (r < 0) return DiskError(marker_, r);
  Result<Bytes> text = ReadFileAt(disk_, root->get(), marker_, limit_);
  if (!text.ok()) return std::move(text).status();
  STATEWARD_RETURN_IF_ERROR(accept(*text, root->get()));
  const bool journal = disk_.KeepsJournal(root->get());
  auto kept = std::make_shared<const Folder>(
      Folder{std::move(*root), journal ? Journal::kKept : Journal::kNotKnown});
  std::lock_guard<std::mutex> hold(mutex_);
  root_ = kept;
  accepted_ = now;
  return Root(std::move(kept));
}

void MarkedFolder::Forget() {
  std::lock_guard<std::mutex> hold(mutex_);
  root_.reset();
}

}  // namespace stateward
