// Leases in the fs storage: a file for each. Who exchanges one holds the folder's lock.
#include "base/files.h"
#include "storage/fs_layout.h"
#include "storage/fs_storage.h"

namespace stateward {
namespace {

// An exchange is a look and a sync.
constexpr int kTurnMs = 2000;

}  // namespace

Result<Bytes> FsStorage::ReadLease(const std::string& name) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> dir = OpenDirAt(disk_, root->get(), fs_layout::kLeases);
  if (!dir.ok()) return std::move(dir).status();
  return ReadFileAt(disk_, dir->get(), name, fs_layout::kMaxLease);
}

Result<bool> FsStorage::ExchangeLease(const std::string& name, ByteView expected, ByteView next) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  bool made = false;
  STATEWARD_RETURN_IF_ERROR(MakeDirAt(disk_, root->get(), fs_layout::kLeases, &made));
  Result<Fd> dir = OpenDirAt(disk_, root->get(), fs_layout::kLeases);
  if (!dir.ok()) return Status::Unavailable(dir.status().detail());
  STATEWARD_RETURN_IF_ERROR(LockFd(disk_, dir->get(), kTurnMs, fs_layout::kLeases));
  Result<Bytes> now = ReadFileAt(disk_, dir->get(), name, fs_layout::kMaxLease);
  const bool none = !now.ok() && now.status().code() == Code::kNotFound;
  if (!now.ok() && !none) return std::move(now).status();
  if (none != expected.empty() || (!none && ByteView(*now) != expected)) return false;
  STATEWARD_RETURN_IF_ERROR(ReplaceDurably(disk_, dir->get(), name, next));
  return true;
}

}  // namespace stateward
