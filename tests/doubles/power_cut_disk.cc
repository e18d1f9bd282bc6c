#include "doubles/power_cut_disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>

namespace stateward {

int PowerCutDisk::OpenAt(int dir, const char* path, int flags, uint32_t mode) {
  int fd = disk_.OpenAt(dir, path, flags, mode);
  const bool makes = (flags & O_TMPFILE) == O_TMPFILE || (flags & O_EXCL) != 0;
  struct stat st {};
  if (fd >= 0 && makes && fstat(fd, &st) == 0) {
    std::lock_guard<std::mutex> hold(mutex_);
    Fresh(st.st_ino, false);
  }
  return fd;
}

int PowerCutDisk::MakeDirAt(int dir, const char* path, uint32_t mode) {
  int r = disk_.MakeDirAt(dir, path, mode);
  struct stat st {};
  if (r == 0 && fstatat(dir, path, &st, 0) == 0) {
    std::lock_guard<std::mutex> hold(mutex_);
    Fresh(st.st_ino, true);
  }
  return r;
}

int PowerCutDisk::Sync(int fd) {
  struct stat st {};
  if (fstat(fd, &st) != 0) return -errno;
  if (--syncs_left < 0) return -EIO;
  std::lock_guard<std::mutex> hold(mutex_);
  std::shared_ptr<Node> node = NodeOf(st.st_ino, S_ISDIR(st.st_mode));
  if (node->is_dir) {
    if (sync_folders) SyncFolder(fd, node.get());
  } else if (sync_files) {
    // Through /proc: the descriptor may be for writing alone, and the file without a name.
    std::ifstream in("/proc/self/fd/" + std::to_string(fd), std::ios::binary);
    node->linked = st.st_nlink > 0;
    node->bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  return 0;
}

void PowerCutDisk::SyncFolder(int fd, Node* node) {
  node->entries.clear();
  std::vector<std::string> names;
  disk_.ListDir(fd, &names);
  for (const std::string& name : names) {
    struct stat st {};
    if (fstatat(fd, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) continue;
    node->entries[name] = NodeOf(st.st_ino, S_ISDIR(st.st_mode));
  }
}

void PowerCutDisk::CutTo(const std::string& to) {
  struct stat st {};
  if (stat(root_.c_str(), &st) != 0) return;
  std::lock_guard<std::mutex> hold(mutex_);
  Restore(*NodeOf(st.st_ino, true), to);
}

void PowerCutDisk::Restore(const Node& node, const std::string& path) {
  for (const auto& [name, child] : node.entries) {
    const std::string at = path + "/" + name;
    if (child->is_dir) {
      mkdir(at.c_str(), 0700);
      Restore(*child, at);
    } else if (child->linked || has_journal) {
      std::ofstream(at, std::ios::binary) << child->bytes;
      chmod(at.c_str(), 0600);
    }
  }
}

std::shared_ptr<PowerCutDisk::Node> PowerCutDisk::Fresh(ino_t inode, bool is_dir) {
  auto node = std::make_shared<Node>();
  node->is_dir = is_dir;
  nodes_[inode] = node;
  return node;
}

std::shared_ptr<PowerCutDisk::Node> PowerCutDisk::NodeOf(ino_t inode, bool is_dir) {
  auto at = nodes_.find(inode);
  return at != nodes_.end() ? at->second : Fresh(inode, is_dir);
}

}  // namespace stateward
