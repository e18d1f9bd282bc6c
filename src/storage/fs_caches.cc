// Cache entries in the fs storage: a file for each.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "storage/fs_layout.h"
#include "storage/fs_storage.h"

namespace stateward {

Result<Bytes> FsStorage::ReadCache(const std::string& name) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  return ReadFileAt(disk_, root->get(), std::string(fs_layout::kCache) + "/" + name,
                    kMaxCacheEntry);
}

Status FsStorage::WriteCache(const std::string& name, ByteView sealed) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  bool made = false;
  STATEWARD_RETURN_IF_ERROR(MakeDirAt(disk_, root->get(), fs_layout::kCache, &made));
  Result<Fd> dir = OpenDirAt(disk_, root->get(), fs_layout::kCache);
  if (!dir.ok()) return Status::Unavailable(dir.status().detail());
  return ReplaceDurably(disk_, dir->get(), name, sealed);
}

Result<std::vector<std::string>> FsStorage::CacheNames() {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  std::vector<std::string> names;
  Result<Fd> dir = OpenDirAt(disk_, root->get(), fs_layout::kCache);
  if (!dir.ok() && dir.status().code() == Code::kNotFound) return names;
  if (!dir.ok()) return std::move(dir).status();
  const int r = disk_.ListDir(dir->get(), &names);
  if (r < 0) return FromErrno("list the cache", -r);
  const auto strange = [](const std::string& name) { return !IsCacheName(name); };
  names.erase(std::remove_if(names.begin(), names.end(), strange), names.end());
  std::sort(names.begin(), names.end());
  return names;
}

Status FsStorage::RemoveCache(const std::string& name) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  const std::string path = std::string(fs_layout::kCache) + "/" + name;
  const int r = disk_.UnlinkAt(root->get(), path.c_str());
  return r < 0 && r != -ENOENT ? FromErrno("unlink", -r) : Status();
}

}  // namespace stateward
