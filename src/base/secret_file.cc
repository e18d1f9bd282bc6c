#include "base/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace stateward {
namespace {

std::string StampOf(const struct stat& st) {
  std::string stamp;
  for (int64_t part :
       {static_cast<int64_t>(st.st_dev), static_cast<int64_t>(st.st_ino),
        static_cast<int64_t>(st.st_size), static_cast<int64_t>(st.st_mode),
        static_cast<int64_t>(st.st_mtim.tv_sec), static_cast<int64_t>(st.st_mtim.tv_nsec),
        static_cast<int64_t>(st.st_ctim.tv_sec), static_cast<int64_t>(st.st_ctim.tv_nsec)}) {
    stamp += std::to_string(part) + " ";
  }
  return stamp;
}

Status Judge(const std::string& path, const struct stat& st) {
  const auto refuse = [&path](const char* what) {
    return Status(Code::kPermissionDenied, path + ": " + what);
  };
  if (!S_ISREG(st.st_mode)) return refuse("it is no regular file");
  if ((st.st_mode & 07) != 0) return refuse("every user may read or change it; chmod 0400 it");
  const bool roots = st.st_uid == 0;
  if (!roots && st.st_uid != geteuid() && geteuid() != 0) {
    return refuse("it belongs to another user than root and the one that reads it; chown it");
  }
  if ((st.st_mode & 020) != 0) return refuse("its group may write to it; chmod 0400 it");
  if ((st.st_mode & 040) != 0 && !roots) {
    return refuse("its group may read it, which it may only when root owns it; chmod 0400 it");
  }
  return Status();
}

Result<SecretBytes> Read(const std::string& path, size_t limit, bool secret, std::string* stamp) {
  // Not to wait for who writes into a pipe.
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return FromErrno(path, errno);
  struct stat st {};
  Status status = fstat(fd, &st) == 0 ? Status() : FromErrno(path, errno);
  if (status.ok() && !S_ISREG(st.st_mode)) {
    status = Status(Code::kPermissionDenied, path + ": it is no regular file");
  }
  if (status.ok() && secret) status = Judge(path, st);
  if (stamp != nullptr) *stamp = StampOf(st);
  SecretBytes bytes(status.ok() ? limit + 1 : 0);
  size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t n = read(fd, bytes.data() + have, bytes.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) status = FromErrno(path, errno);
    if (n <= 0) break;
    have += static_cast<size_t>(n);
  }
  close(fd);
  if (!status.ok()) return status;
  if (have > limit) {
    return Status(Code::kTooLarge, path + ": more than " + std::to_string(limit) + " bytes");
  }
  bytes.resize(have);
  return bytes;
}

}  // namespace

std::string FileStamp(const std::string& path) {
  struct stat st {};
  return stat(path.c_str(), &st) == 0 ? StampOf(st) : std::string();
}

Result<SecretBytes> ReadSmallFile(const std::string& path, size_t limit, std::string* stamp) {
  return Read(path, limit, false, stamp);
}

Result<SecretBytes> ReadSecretBytes(const std::string& path, size_t limit, std::string* stamp) {
  return Read(path, limit, true, stamp);
}

Result<SecretString> ReadSecretFile(const std::string& path, std::string* stamp) {
  Result<SecretBytes> bytes = ReadSecretBytes(path, kMaxSecretFile, stamp);
  if (!bytes.ok()) return std::move(bytes).status();
  if (!bytes->empty() && bytes->back() == '\n') bytes->pop_back();
  if (!bytes->empty() && bytes->back() == '\r') bytes->pop_back();
  return SecretString(std::move(*bytes));
}

Status CheckSecretFile(const std::string& path) {
  struct stat st {};
  if (stat(path.c_str(), &st) != 0) return Status();
  return Judge(path, st);
}

}  // namespace stateward
