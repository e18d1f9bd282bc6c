#include "base/journal.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <string>

namespace stateward {
namespace {

// "vda1"; "" when the kernel does not say.
std::string DeviceName(dev_t device) {
  char link[64];
  snprintf(link, sizeof link, "/sys/dev/block/%u:%u", major(device), minor(device));
  char target[PATH_MAX];
  const ssize_t n = readlink(link, target, sizeof target);
  const std::string path(target, n > 0 ? static_cast<size_t>(n) : 0);
  return path.substr(path.rfind('/') + 1);
}

bool HasJournalTask(int fd) {
  struct stat st {};
  if (fstat(fd, &st) != 0) return false;
  const std::string name = DeviceName(st.st_dev);
  if (name.empty()) return false;
  const std::string path = "/sys/fs/ext4/" + name + "/journal_task";
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return false;
  // A process id: 0 when it belongs to another namespace.
  char first = 0;
  const bool is_number = read(file, &first, 1) == 1 && first >= '0' && first <= '9';
  close(file);
  return is_number;
}

}  // namespace

bool KeepsJournal(int fd) {
  struct statfs fs {};
  if (fstatfs(fd, &fs) != 0) return false;
  switch (static_cast<unsigned long>(fs.f_type) & 0xFFFFFFFF) {
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
      return true;
    case EXT4_SUPER_MAGIC:
      return HasJournalTask(fd);
    default:
      return false;
  }
}

}  // namespace stateward
