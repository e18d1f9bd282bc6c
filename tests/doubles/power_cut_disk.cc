#include "doubles/power_cut_disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

namespace stateward {
namespace {

// "a/b" of folder `dir`: a descriptor of "a", and "b".
int OpenAbove(int dir, const std::string& path, std::string* name) {
  const size_t slash = path.rfind('/');
  *name = slash == std::string::npos ? path : path.substr(slash + 1);
  const std::string above = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  return openat(dir, above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

}  // namespace

PowerCutDisk::PowerCutDisk(std::string root) : root_(std::move(root)) {}

void PowerCutDisk::FailAt(int at, bool on, int error) {
  plan_ = {std::this_thread::get_id(), at, on, error, false};
}

bool PowerCutDisk::Fails() {
  if (plan_.error == 0 || plan_.thread != std::this_thread::get_id()) return false;
  if (--plan_.calls_left >= 0 || (plan_.failed && !plan_.on)) return false;
  plan_.failed = true;
  return true;
}

int PowerCutDisk::OpenAt(int dir, const char* path, int flags, uint32_t mode) {
  if (Fails()) return -plan_.error;
  struct stat st {};
  const bool unnamed = (flags & O_TMPFILE) == O_TMPFILE;
  const bool makes =
      unnamed || ((flags & O_CREAT) != 0 && fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) != 0);
  const int fd = disk_.OpenAt(dir, path, flags, mode);
  if (fd >= 0 && makes && fstat(fd, &st) == 0) {
    std::lock_guard<std::mutex> hold(mutex_);
    std::shared_ptr<Node> node = Fresh(st.st_ino, false);
    node->mode = mode;
    node->link_waits = !unnamed;
    if (!unnamed) Name(dir, path, node);
  }
  return fd;
}

void PowerCutDisk::Note(int fd, const void* data, long n, uint64_t offset) {
  if (n <= 0) return;
  std::lock_guard<std::mutex> hold(mutex_);
  NodeOf(fd)->written.emplace_back(
      offset, std::string(static_cast<const char*>(data), static_cast<size_t>(n)));
}

long PowerCutDisk::Write(int fd, const void* data, size_t n) {
  if (Fails()) return -plan_.error;
  const off_t at = lseek(fd, 0, SEEK_CUR);
  const long done = disk_.Write(fd, data, n);
  Note(fd, data, done, static_cast<uint64_t>(at));
  return done;
}

long PowerCutDisk::WriteAt(int fd, const void* data, size_t n, uint64_t offset) {
  if (Fails()) return -plan_.error;
  const long done = disk_.WriteAt(fd, data, n, offset);
  Note(fd, data, done, offset);
  return done;
}

long PowerCutDisk::ReadAt(int fd, void* data, size_t n, uint64_t offset) {
  return Fails() ? -plan_.error : disk_.ReadAt(fd, data, n, offset);
}

int PowerCutDisk::Truncate(int fd, uint64_t size) {
  return Fails() ? -plan_.error : disk_.Truncate(fd, size);
}

int PowerCutDisk::Sync(int fd) {
  const bool fails = Fails();
  if (--syncs_left < 0) return -EIO;
  std::lock_guard<std::mutex> hold(mutex_);
  std::shared_ptr<Node> node = NodeOf(fd);
  if (!(node->is_dir ? sync_folders : sync_files)) return 0;
  const auto changed = std::exchange(node->changed, {});
  const auto written = std::exchange(node->written, {});
  const bool linked = std::exchange(node->link_waits, false);
  if (fails) return -plan_.error;
  node->linked = node->linked || linked;
  for (const auto& [name, child] : changed) {
    if (child == nullptr) {
      node->entries.erase(name);
    } else {
      node->entries[name] = child;
    }
  }
  for (const auto& [offset, bytes] : written) {
    if (node->bytes.size() < offset + bytes.size()) node->bytes.resize(offset + bytes.size());
    node->bytes.replace(offset, bytes.size(), bytes);
  }
  return 0;
}

// REQUIRES: mutex_ is held.
void PowerCutDisk::Name(int dir, const char* path, std::shared_ptr<Node> node) {
  std::string name;
  const int above = OpenAbove(dir, path, &name);
  NodeOf(above)->changed[name] = std::move(node);
  close(above);
}

int PowerCutDisk::LinkTmp(int fd, int dir, const char* path) {
  if (Fails()) return -plan_.error;
  const int r = disk_.LinkTmp(fd, dir, path);
  if (r < 0) return r;
  std::lock_guard<std::mutex> hold(mutex_);
  std::shared_ptr<Node> node = NodeOf(fd);
  node->link_waits = true;
  Name(dir, path, std::move(node));
  return r;
}

int PowerCutDisk::RenameAt(int from_dir, const char* from, int to_dir, const char* to) {
  if (Fails()) return -plan_.error;
  const int r = disk_.RenameAt(from_dir, from, to_dir, to);
  const int fd = r < 0 ? -1 : openat(to_dir, to, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return r;
  std::lock_guard<std::mutex> hold(mutex_);
  Name(from_dir, from, nullptr);
  Name(to_dir, to, NodeOf(fd));
  close(fd);
  return r;
}

int PowerCutDisk::UnlinkAt(int dir, const char* path) {
  if (Fails()) return -plan_.error;
  const int r = disk_.UnlinkAt(dir, path);
  std::lock_guard<std::mutex> hold(mutex_);
  if (r == 0) Name(dir, path, nullptr);
  return r;
}

int PowerCutDisk::MakeDirAt(int dir, const char* path, uint32_t mode) {
  if (Fails()) return -plan_.error;
  const int r = disk_.MakeDirAt(dir, path, mode);
  struct stat st {};
  if (r == 0 && fstatat(dir, path, &st, 0) == 0) {
    std::lock_guard<std::mutex> hold(mutex_);
    Name(dir, path, Fresh(st.st_ino, true));
  }
  return r;
}

int PowerCutDisk::RemoveDirAt(int dir, const char* path) {
  if (Fails()) return -plan_.error;
  const int r = disk_.RemoveDirAt(dir, path);
  std::lock_guard<std::mutex> hold(mutex_);
  if (r == 0) Name(dir, path, nullptr);
  return r;
}

// Lasts at once: the kernel may write an inode at any time.
int PowerCutDisk::ChangeMode(int fd, uint32_t mode) {
  if (Fails()) return -plan_.error;
  std::lock_guard<std::mutex> hold(mutex_);
  NodeOf(fd)->mode = mode;
  return disk_.ChangeMode(fd, mode);
}

int PowerCutDisk::StatAt(int dir, const char* path, DiskStat* out) {
  return Fails() ? -plan_.error : disk_.StatAt(dir, path, out);
}

int PowerCutDisk::Stat(int fd, DiskStat* out) {
  return Fails() ? -plan_.error : disk_.Stat(fd, out);
}

int PowerCutDisk::ListDir(int dir, std::vector<std::string>* names) {
  return Fails() ? -plan_.error : disk_.ListDir(dir, names);
}

int PowerCutDisk::LockFile(int fd) { return Fails() ? -plan_.error : disk_.LockFile(fd); }

void PowerCutDisk::CutTo(const std::string& to) {
  const int fd = open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  std::lock_guard<std::mutex> hold(mutex_);
  Restore(*NodeOf(fd), to);
  close(fd);
}

void PowerCutDisk::Restore(const Node& node, const std::string& path) {
  for (const auto& [name, child] : node.entries) {
    const std::string at = path + "/" + name;
    if (child->is_dir) {
      mkdir(at.c_str(), 0700);
      Restore(*child, at);
    } else if (child->linked || has_journal) {
      std::ofstream(at, std::ios::binary) << child->bytes;
      chmod(at.c_str(), child->mode);
    }
  }
}

std::shared_ptr<PowerCutDisk::Node> PowerCutDisk::Fresh(ino_t inode, bool is_dir) {
  auto node = std::make_shared<Node>();
  node->is_dir = is_dir;
  nodes_[inode] = node;
  return node;
}

std::shared_ptr<PowerCutDisk::Node> PowerCutDisk::NodeOf(int fd) {
  struct stat st {};
  fstat(fd, &st);
  auto at = nodes_.find(st.st_ino);
  return at != nodes_.end() ? at->second : Fresh(st.st_ino, S_ISDIR(st.st_mode));
}

}  // namespace stateward
