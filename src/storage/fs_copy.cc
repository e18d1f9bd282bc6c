// What a copy of a store needs besides, in the fs storage.
#include <fcntl.h>

#include <utility>
#include <vector>

#include "base/hex.h"
#include "stateward/closed_store.h"
#include "storage/fs_layout.h"
#include "storage/fs_storage.h"

namespace stateward {

Result<FsStorage::Root> FsStorage::OpenClosed() {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return root;
  std::lock_guard<std::mutex> hold(marker_mutex_);
  if (!IsClosed(marker_)) return Status::Internal("the store is not closed");
  return root;
}

Status FsStorage::EachClaim(
    const std::function<bool(const std::string& name, const StateId& id)>& each) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> dir = OpenDirAt(disk_, root->get(), fs_layout::kLegacy);
  if (!dir.ok()) return fs_layout::NotProved(std::move(dir).status(), "folder of claims");
  std::vector<std::string> names;
  const int r = disk_.ListDir(dir->get(), &names);
  if (r < 0) return FromErrno("list claims", -r);
  for (const std::string& name : names) {
    if (!IsHex(name, 2 * sizeof(Sha256Digest))) continue;
    Result<std::optional<StateId>> id = ReadClaim(root->get(), name);
    if (!id.ok()) return std::move(id).status();
    if (id->has_value() && !each(name, **id)) break;
  }
  return Status();
}

Status FsStorage::PutRecord(const StateId& id, uint64_t n, ByteView sealed) {
  STATEWARD_RETURN_IF_ERROR(fs_layout::CheckNumber(n));
  Result<Root> root = OpenClosed();
  if (!root.ok()) return std::move(root).status();
  Result<First> first = MakeState(root->get(), id);
  if (!first.ok()) return std::move(first).status();
  const std::string name = fs_layout::VersionName(n);
  Result<CreateOutcome> created =
      CreateDurably(disk_, first->dir.get(), name, sealed, Keep::kReadOnly, root->journal());
  if (!created.ok()) return std::move(created).status();
  if (*created == CreateOutcome::kCreated) return Status();
  return ReplaceDurably(disk_, first->dir.get(), name, sealed, Keep::kReadOnly);
}

Status FsStorage::PutLegacy(const std::string& legacy_id, ByteView blob) {
  Result<Root> root = OpenClosed();
  if (!root.ok()) return std::move(root).status();
  const std::string name = fs_layout::LegacyName(legacy_id);
  Result<CreateOutcome> created =
      CreateDurably(disk_, root->get(), name, blob, Keep::kWritable, root->journal());
  if (!created.ok()) return std::move(created).status();
  if (*created == CreateOutcome::kCreated) return Status();
  Result<Bytes> there = GetLegacy(legacy_id);
  if (!there.ok()) return std::move(there).status();
  if (ByteView(*there) != blob) return fs_layout::OtherLegacy(legacy_id);
  return SettleName(disk_, root->get(), name, fs_layout::kMaxLegacy);
}

}  // namespace stateward
