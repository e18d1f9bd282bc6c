#include "jobs/host_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <sstream>
#include <string_view>

#include "base/hex.h"
#include "base/random.h"

namespace stateward {
namespace {

constexpr size_t kHostDigits = 32;
constexpr std::string_view kNoStore = "-";

struct Holder {
  pid_t pid = 0;
  std::string host;
  std::string store_id;
};

Holder ReadHolder(int fd) {
  char text[160];
  const ssize_t n = pread(fd, text, sizeof text, 0);
  std::istringstream words(std::string(text, n > 0 ? static_cast<size_t>(n) : 0));
  Holder holder;
  words >> holder.pid >> holder.host >> holder.store_id;
  return holder;
}

bool IsThatFile(int fd, const std::string& path) {
  struct stat held {};
  struct stat named {};
  return fstat(fd, &held) == 0 && lstat(path.c_str(), &named) == 0 && held.st_dev == named.st_dev &&
         held.st_ino == named.st_ino;
}

}  // namespace

bool HostLock::Holds() const { return fd_ >= 0 && IsThatFile(fd_, path_); }

Result<bool> HostLock::Take() {
  GiveUp();
  // Not inherited by anybody: the lock lives as long as this process.
  const int fd = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return Status::Unavailable(FromErrno(path_, errno).detail());
  if (flock(fd, LOCK_EX | LOCK_NB) != 0 || !IsThatFile(fd, path_)) {
    close(fd);
    return false;
  }
  fd_ = fd;
  host_ = ReadHolder(fd).host;
  if (!IsHex(host_, kHostDigits)) host_ = RandomHex(kHostDigits / 2);
  store_id_.clear();
  Write();
  return true;
}

void HostLock::GiveUp() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

void HostLock::NameStore(const std::string& store_id) {
  if (store_id == store_id_) return;
  store_id_ = store_id;
  Write();
}

// Best effort: another process would take a name of its own.
void HostLock::Write() {
  const std::string line = std::to_string(getpid()) + " " + host_ + " " +
                           (store_id_.empty() ? std::string(kNoStore) : store_id_) + "\n";
  if (ftruncate(fd_, 0) == 0) (void)!pwrite(fd_, line.data(), line.size(), 0);
}

std::string OtherStoreWarning(const std::string& folder, const std::string& store_id) {
  const int fd = open((folder + "/jobs.lock").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return "";
  const Holder holder = ReadHolder(fd);
  close(fd);
  const bool known = IsHex(holder.store_id, store_id.size()) && !store_id.empty();
  if (!known || holder.store_id == store_id) return "";
  if (holder.pid <= 0 || (kill(holder.pid, 0) != 0 && errno != EPERM)) return "";
  return "no jobs are done for this store: process " + std::to_string(holder.pid) +
         " uses RUNTIME_DIR (" + folder +
         ") for another one; give each store a folder of its own, metrics are mixed, too";
}

}  // namespace stateward
