#include "base/files.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "base/random.h"

namespace stateward {
namespace {

// Some network and overlay file systems know no unnamed files.
constexpr char kTemporary[] = ".tmp-";

bool IsWithoutTmpfile(int error) { return error == -EOPNOTSUPP || error == -EISDIR; }

// An open, written and synced file without its final name; `temp_name` is "" for an unnamed one.
struct Prepared {
  Fd fd;
  std::string temp_name;
};

Result<Prepared> Prepare(Disk& disk, int dir, ByteView bytes, bool named) {
  Prepared out;
  int fd = named ? -EOPNOTSUPP : disk.OpenAt(dir, ".", O_TMPFILE | O_WRONLY, 0600);
  if (IsWithoutTmpfile(fd)) {
    out.temp_name = kTemporary + RandomHex(16);
    fd = disk.OpenAt(dir, out.temp_name.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0600);
  }
  if (fd < 0) return FromErrno("create", -fd);
  out.fd = Fd(disk, fd);
  Status status = WriteAll(disk, fd, bytes);
  // A failed sync is never tried again on the same file: the kernel may have dropped the pages.
  if (status.ok()) status = SyncFd(disk, fd, "new file");
  if (!status.ok()) {
    if (!out.temp_name.empty()) disk.UnlinkAt(dir, out.temp_name.c_str());
    return status;
  }
  return out;
}

// The owner may read and no longer write: only after the sync of the folder, so that whatever a
// power cut leaves of it tells the truth. When it fails, a repeat makes the file again.
constexpr uint32_t kMayWrite = 0200;
void MarkLasting(Disk& disk, int fd) { disk.ChangeMode(fd, 0400); }

// Also tells what the file is like; asked once.
Result<Fd> OpenFile(Disk& disk, int dir, const std::string& path, int flags, DiskStat* stat) {
  int fd = disk.OpenAt(dir, path.c_str(), flags | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (fd < 0) return DiskError(path, fd);
  Fd file(disk, fd);
  if ((flags & O_DIRECTORY) != 0) return file;
  int r = disk.Stat(fd, stat);
  if (r < 0) return FromErrno("stat " + path, -r);
  if (!stat->is_file) return Status::Unavailable(path + ": no regular file");
  return file;
}

// The first `size` bytes, or what there is.
Result<Bytes> ReadFront(Disk& disk, int fd, size_t size) {
  Bytes bytes(size);
  size_t have = 0;
  while (have < bytes.size()) {
    long n = disk.ReadAt(fd, bytes.data() + have, bytes.size() - have, have);
    if (n < 0) return FromErrno("read", static_cast<int>(-n));
    if (n == 0) break;
    have += static_cast<size_t>(n);
  }
  bytes.resize(have);
  return bytes;
}

}  // namespace

bool IsTemporaryName(const std::string& name) { return name.rfind(kTemporary, 0) == 0; }

Status DiskError(std::string_view what, int negative_errno) {
  if (negative_errno == -ENOENT) {
    return Status::NotFound(std::string(what) + ": no such file or folder");
  }
  return FromErrno(what, -negative_errno);
}

Result<Fd> OpenDirAt(Disk& disk, int dir, const std::string& path) {
  return OpenFileAt(disk, dir, path, O_RDONLY | O_DIRECTORY);
}

Result<Fd> OpenFileAt(Disk& disk, int dir, const std::string& path, int flags) {
  DiskStat stat;
  return OpenFile(disk, dir, path, flags, &stat);
}

Result<Fd> OpenAndListAt(Disk& disk, int dir, const std::string& path,
                         std::vector<std::string>* names) {
  Result<Fd> folder = OpenDirAt(disk, dir, path);
  if (!folder.ok()) return folder;
  const int r = disk.ListDir(folder->get(), names);
  if (r < 0) return DiskError("list " + path, r);
  return folder;
}

Result<Bytes> ReadUpTo(Disk& disk, int fd, size_t limit) {
  DiskStat stat;
  int r = disk.Stat(fd, &stat);
  if (r < 0) return FromErrno("stat", -r);
  return ReadFront(disk, fd, std::min<uint64_t>(stat.size, limit));
}

Result<Bytes> ReadFrontAt(Disk& disk, int dir, const std::string& path, size_t limit) {
  DiskStat stat;
  Result<Fd> fd = OpenFile(disk, dir, path, O_RDONLY, &stat);
  if (!fd.ok()) return std::move(fd).status();
  return ReadFront(disk, fd->get(), std::min<uint64_t>(stat.size, limit));
}

Result<Bytes> ReadFileAt(Disk& disk, int dir, const std::string& path, size_t limit) {
  DiskStat stat;
  Result<Fd> fd = OpenFile(disk, dir, path, O_RDONLY, &stat);
  if (!fd.ok()) return std::move(fd).status();
  if (stat.size > limit) return Status::Corruption(path + ": too large");
  return ReadFront(disk, fd->get(), stat.size);
}

Status WriteAll(Disk& disk, int fd, ByteView bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    long n = disk.Write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0) return FromErrno("write", static_cast<int>(-n));
    if (n == 0) return Status::Unavailable("write: nothing was taken");
    done += static_cast<size_t>(n);
  }
  return Status();
}

Status SyncFd(Disk& disk, int fd, std::string_view what) {
  int r = disk.Sync(fd);
  return r < 0 ? FromErrno(std::string("fsync ").append(what), -r) : Status();
}

Status SyncFolderAbove(Disk& disk, const std::string& path) {
  const size_t end = path.find_last_not_of('/');
  const size_t slash = end == std::string::npos ? end : path.rfind('/', end);
  const std::string above = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  Result<Fd> dir = OpenDirAt(disk, AT_FDCWD, above);
  if (!dir.ok()) return Status::Unavailable(dir.status().detail());
  return SyncFd(disk, dir->get(), above);
}

Status MakeDirAt(Disk& disk, int dir, const std::string& path, bool* made) {
  int r = disk.MakeDirAt(dir, path.c_str(), 0700);
  *made = r == 0;
  if (r < 0 && r != -EEXIST) return FromErrno("mkdir " + path, -r);
  return Status();
}

Result<Fd> MakeFolderDurably(Disk& disk, int above, const std::string& name) {
  const int removed = disk.RemoveDirAt(above, name.c_str());
  if (removed < 0 && removed != -ENOENT && removed != -ENOTEMPTY) {
    return FromErrno("rmdir " + name, -removed);
  }
  if (removed != -ENOTEMPTY) {
    const int made = disk.MakeDirAt(above, name.c_str(), 0700);
    if (made < 0) return FromErrno("mkdir " + name, -made);
    Status synced = SyncFd(disk, above, "folder above " + name);
    if (!synced.ok()) {
      disk.RemoveDirAt(above, name.c_str());
      return synced;
    }
  }
  Result<Fd> dir = OpenDirAt(disk, above, name);
  if (!dir.ok()) return Status::Unavailable(dir.status().detail());
  return dir;
}

Result<CreateOutcome> CreateDurably(Disk& disk, int dir, const std::string& name, ByteView bytes,
                                    Keep keep, Journal journal) {
  Result<Prepared> file = Prepare(disk, dir, bytes, false);
  if (!file.ok()) return std::move(file).status();
  int r = disk.LinkTmp(file->fd.get(), dir, name.c_str());
  if (!file->temp_name.empty()) disk.UnlinkAt(dir, file->temp_name.c_str());
  if (r == -EEXIST) return CreateOutcome::kExists;
  if (r < 0) return FromErrno("link " + name, -r);
  if (journal == Journal::kNotKnown) {
    STATEWARD_RETURN_IF_ERROR(SyncFd(disk, file->fd.get(), "linked file"));
  }
  STATEWARD_RETURN_IF_ERROR(SyncFd(disk, dir, "folder"));
  if (keep == Keep::kReadOnly) MarkLasting(disk, file->fd.get());
  return CreateOutcome::kCreated;
}

Status ReplaceDurably(Disk& disk, int dir, const std::string& name, ByteView bytes, Keep keep) {
  Result<Prepared> file = Prepare(disk, dir, bytes, true);
  if (!file.ok()) return std::move(file).status();
  int r = disk.RenameAt(dir, file->temp_name.c_str(), dir, name.c_str());
  if (r < 0) {
    disk.UnlinkAt(dir, file->temp_name.c_str());
    return FromErrno("rename to " + name, -r);
  }
  STATEWARD_RETURN_IF_ERROR(SyncFd(disk, dir, "folder"));
  if (keep == Keep::kReadOnly) MarkLasting(disk, file->fd.get());
  return Status();
}

Status SettleName(Disk& disk, int dir, const std::string& name, size_t limit) {
  DiskStat stat;
  int r = disk.StatAt(dir, name.c_str(), &stat);
  if (r < 0) return DiskError(name, r);
  if (stat.is_file && (stat.mode & kMayWrite) == 0) return Status();
  Result<Bytes> bytes = ReadFileAt(disk, dir, name, limit);
  if (!bytes.ok()) return std::move(bytes).status();
  return ReplaceDurably(disk, dir, name, *bytes, Keep::kReadOnly);
}

Status LockFd(Disk& disk, int fd, int limit_ms, std::string_view what) {
  auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms);
  // From well below one sync to well below what a person notices.
  std::chrono::microseconds pause(50);
  for (;;) {
    int r = disk.LockFile(fd);
    if (r == 0) return Status();
    if (r != -EWOULDBLOCK) return FromErrno("flock", -r);
    if (std::chrono::steady_clock::now() >= give_up) {
      return Status::Unavailable(std::string(what) + ": busy for " + std::to_string(limit_ms) +
                                 " ms");
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(5000));
  }
}

}  // namespace stateward
