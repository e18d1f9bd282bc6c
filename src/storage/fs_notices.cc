// What running servers say of themselves, in the fs storage: a file for each.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/hex.h"
#include "storage/fs_layout.h"
#include "storage/fs_storage.h"

namespace stateward {

Status FsStorage::Publish(const std::string& server_id, ByteView text) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  bool made = false;
  STATEWARD_RETURN_IF_ERROR(MakeDirAt(disk_, root->get(), fs_layout::kServers, &made));
  Result<Fd> dir = OpenDirAt(disk_, root->get(), fs_layout::kServers);
  if (!dir.ok()) return Status::Unavailable(dir.status().detail());
  return ReplaceDurably(disk_, dir->get(), server_id, text);
}

Result<std::vector<ServerNotice>> FsStorage::Published() {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  std::vector<ServerNotice> notices;
  Result<Fd> dir = OpenDirAt(disk_, root->get(), fs_layout::kServers);
  if (!dir.ok() && dir.status().code() == Code::kNotFound) return notices;
  if (!dir.ok()) return std::move(dir).status();
  std::vector<std::string> names;
  const int r = disk_.ListDir(dir->get(), &names);
  if (r < 0) return FromErrno("list servers", -r);
  std::sort(names.begin(), names.end());
  for (std::string& name : names) {
    if (!IsHex(name, 32)) continue;
    Result<Bytes> text = ReadFileAt(disk_, dir->get(), name, fs_layout::kMaxNotice);
    if (!text.ok() && text.status().code() == Code::kNotFound) continue;  // withdrawn meanwhile
    if (!text.ok()) return std::move(text).status();
    notices.push_back({std::move(name), *std::move(text)});
  }
  return notices;
}

Status FsStorage::Withdraw(const std::string& server_id) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> dir = OpenDirAt(disk_, root->get(), fs_layout::kServers);
  if (!dir.ok() && dir.status().code() == Code::kNotFound) return Status();
  if (!dir.ok()) return std::move(dir).status();
  const int r = disk_.UnlinkAt(dir->get(), server_id.c_str());
  return r < 0 && r != -ENOENT ? FromErrno("unlink", -r) : Status();
}

}  // namespace stateward
