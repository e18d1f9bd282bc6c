#include "storage/fs_storage.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "base/hex.h"
#include "base/sha256.h"
#include "stateward/clock.h"
#include "storage/fs_layout.h"

namespace stateward {
namespace {

using fs_layout::kFlockMs;
using fs_layout::kMaxRecord;
using fs_layout::kStates;
using fs_layout::NotProved;

// Beyond so many new versions since the last look, one list is cheaper than more looks.
constexpr int kMaxSteps = 64;
// A larger record is looked at before it is read whole. 4 MiB are read in a few milliseconds.
constexpr size_t kLarge = size_t{4} << 20;
// About one sync of a disk.
constexpr int kLookAgainMs = 2;

bool Exists(Disk& disk, int dir, uint64_t n, Status* error) {
  if (n > kLastRecord) return false;
  DiskStat stat;
  int r = disk.StatAt(dir, fs_layout::VersionName(n).c_str(), &stat);
  if (r < 0 && r != -ENOENT) *error = FromErrno("stat", -r);
  return r == 0;
}

// Goes on while the host is suspended: others may prune meanwhile.
int64_t BootUs() { return SystemClock().SteadyUs(); }

}  // namespace

FsStorage::FsStorage(Disk& disk, std::string dir, int64_t trusted_us)
    : disk_(disk),
      dir_(std::move(dir)),
      trusted_us_(trusted_us),
      folder_(disk, dir_, fs_layout::kMarker, fs_layout::kMaxMarker) {}

// The marker's folder of states must be there, or nothing is proved by what is not in it.
Status FsStorage::CheckStates(int root) {
  DiskStat stat;
  if (disk_.StatAt(root, kStates, &stat) == 0) return Status();
  return Status::Unavailable(std::string("folder ") + kStates + " is missing");
}

Result<Fd> FsStorage::OpenState(int root, const StateId& id) {
  Result<Fd> dir = OpenDirAt(disk_, root, fs_layout::StatePath(id));
  if (!dir.ok() && dir.status().code() == Code::kNotFound) {
    STATEWARD_RETURN_IF_ERROR(CheckStates(root));
  }
  return dir;
}

// The lock on the folder of states keeps others from making a folder that is being made; it is not
// held while somebody writes a first record, which may be large.
Result<FsStorage::First> FsStorage::MakeState(int root, const StateId& id) {
  const std::string group_name = id.hex().substr(0, 2);
  for (int waited_ms = 0; waited_ms < kFlockMs; waited_ms += kLookAgainMs) {
    Result<Fd> states = OpenDirAt(disk_, root, kStates);
    if (!states.ok()) return NotProved(std::move(states).status(), "folder of states");
    STATEWARD_RETURN_IF_ERROR(LockFd(disk_, states->get(), kFlockMs, "folder of states"));
    Result<Fd> group = MakeFolderDurably(disk_, states->get(), group_name);
    if (!group.ok()) return std::move(group).status();
    const int r = disk_.LockFile(group->get());
    if (r == 0) {
      Result<Fd> dir = MakeFolderDurably(disk_, group->get(), id.hex());
      if (!dir.ok()) return std::move(dir).status();
      return First{std::move(*group), std::move(*dir)};
    }
    if (r != -EWOULDBLOCK) return FromErrno("flock", -r);
    states->Reset();
    std::this_thread::sleep_for(std::chrono::milliseconds(kLookAgainMs));
  }
  return Status::Unavailable("another new state is being written: busy for too long");
}

Result<uint64_t> FsStorage::ListHead(int dir) {
  std::vector<std::string> names;
  int r = disk_.ListDir(dir, &names);
  // -ENOENT: the folder was empty, and its first record is being made.
  if (r < 0 && r != -ENOENT) return FromErrno("list", -r);
  uint64_t head = 0;
  for (const std::string& name : names) {
    head = std::max(head, fs_layout::ParseVersion(name).value_or(0));
  }
  return head;
}

uint64_t FsStorage::Trusted(const StateId& id) {
  const HeadHints::Hint hint = hints_.Look(id);
  return BootUs() - hint.seen_us < trusted_us_ ? hint.n : 0;
}

Result<uint64_t> FsStorage::FindHead(int dir, const StateId& id) {
  Status error;
  const int64_t start = BootUs();
  const uint64_t hint = hints_.Get(id);
  uint64_t n = Trusted(id);
  int steps = 0;
  if (n > 0 && Exists(disk_, dir, n, &error)) {
    while (steps < kMaxSteps && Exists(disk_, dir, n + 1, &error)) {
      ++n;
      ++steps;
    }
    if (!error.ok()) return error;
    if (steps < kMaxSteps) {
      hints_.Raise(id, n, start);
      return n;
    }
  }
  if (!error.ok()) return error;
  Result<uint64_t> head = ListHead(dir);
  if (!head.ok()) return head;
  STATEWARD_RETURN_IF_ERROR(CheckHead(hint, *head));
  if (*head > 0) hints_.Raise(id, *head, start);
  return head;
}

bool FsStorage::IsLast(int root, const StateId& id, uint64_t n) {
  DiskStat stat;
  return disk_.StatAt(root, fs_layout::VersionPath(id, n + 1).c_str(), &stat) == -ENOENT;
}

bool FsStorage::IsNewest(int root, const StateId& id, uint64_t n) {
  DiskStat stat;
  return n > 0 && disk_.StatAt(root, fs_layout::VersionPath(id, n).c_str(), &stat) == 0 &&
         IsLast(root, id, n);
}

Result<uint64_t> FsStorage::HeadIn(int root, const StateId& id) {
  const uint64_t trusted = Trusted(id);
  if (IsNewest(root, id, trusted)) return trusted;
  Result<Fd> dir = OpenState(root, id);
  if (!dir.ok()) {
    if (dir.status().code() != Code::kNotFound) return std::move(dir).status();
    STATEWARD_RETURN_IF_ERROR(CheckHead(hints_.Get(id), 0));
    return uint64_t{0};
  }
  return FindHead(dir->get(), id);
}

Result<uint64_t> FsStorage::Head(const StateId& id) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  return HeadIn(root->get(), id);
}

Result<Bytes> FsStorage::Get(const StateId& id, uint64_t n) { return GetPrefix(id, n, kMaxRecord); }

Result<Bytes> FsStorage::GetPrefix(const StateId& id, uint64_t n, size_t limit) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  return GetIn(root->get(), id, n, limit);
}

Result<Bytes> FsStorage::GetIn(int root, const StateId& id, uint64_t n, size_t limit) {
  Result<Bytes> front = ReadFrontAt(disk_, root, fs_layout::VersionPath(id, n), limit);
  if (front.ok()) return front;
  if (front.status().code() == Code::kNotFound) STATEWARD_RETURN_IF_ERROR(CheckStates(root));
  DiskStat stat;
  // A folder or a link in a record's place is no outage: it stays so until somebody mends it.
  const int r = disk_.StatAt(root, fs_layout::VersionPath(id, n).c_str(), &stat);
  if (r == 0 && !stat.is_file) {
    return Status::Corruption(fs_layout::VersionPath(id, n) + ": no regular file");
  }
  return front;
}

Status FsStorage::AskAbout(const StateId& id, uint64_t n, ByteView front, const FrontCheck& check) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  DiskStat stat;
  const std::string path = fs_layout::VersionPath(id, n);
  const int r = disk_.StatAt(root->get(), path.c_str(), &stat);
  if (r == -ENOENT) STATEWARD_RETURN_IF_ERROR(CheckStates(root->get()));
  return r < 0 ? DiskError(path, r) : check(n, front, stat.size);
}

Result<Bytes> FsStorage::GetChecked(const StateId& id, uint64_t n, const FrontCheck& check) {
  Result<Bytes> front = GetPrefix(id, n, kLarge);
  if (!front.ok() || front->size() < kLarge) return front;
  STATEWARD_RETURN_IF_ERROR(AskAbout(id, n, *front, check));
  return Get(id, n);
}

Result<Records::Newest> FsStorage::GetNewestChecked(const StateId& id, const FrontCheck& check) {
  Result<Newest> newest = GetNewestFront(id, kLarge);
  if (!newest.ok()) return NotProved(std::move(newest).status(), "newest version");
  if (newest->bytes.size() < kLarge) return newest;
  STATEWARD_RETURN_IF_ERROR(AskAbout(id, newest->n, newest->bytes, check));
  return GetNewest(id);
}

// What the hint names is read at once: it was the newest if nothing follows it then.
Result<Records::Newest> FsStorage::GetNewestFront(const StateId& id, size_t limit) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  const uint64_t hint = Trusted(id);
  if (hint > 0) {
    Result<Bytes> bytes = GetIn(root->get(), id, hint, limit);
    if (bytes.ok() && IsLast(root->get(), id, hint)) return Newest{hint, std::move(*bytes)};
  }
  Result<uint64_t> head = HeadIn(root->get(), id);
  if (!head.ok()) return std::move(head).status();
  if (*head == 0) return Newest();
  Result<Bytes> bytes = GetIn(root->get(), id, *head, limit);
  if (!bytes.ok()) return std::move(bytes).status();
  return Newest{*head, std::move(*bytes)};
}

Result<Records::Newest> FsStorage::GetNewest(const StateId& id) {
  Result<Newest> newest = GetNewestFront(id, kMaxRecord + 1);
  if (!newest.ok()) return NotProved(std::move(newest).status(), "newest version");
  if (newest->bytes.size() > kMaxRecord) return Status::Corruption("newest version: too large");
  return newest;
}

Result<AppendOutcome> FsStorage::Append(const StateId& id, uint64_t expected_head,
                                        ByteView sealed) {
  STATEWARD_RETURN_IF_ERROR(fs_layout::CheckNumberLeft(expected_head));
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<uint64_t> head = HeadIn(root->get(), id);
  if (!head.ok()) return std::move(head).status();
  if (*head < expected_head) {
    return Status::Unavailable("record " + std::to_string(expected_head) + " is gone");
  }
  if (*head > expected_head) return AppendOutcome{false, *head};
  if (*head == 0) return AppendFirst(*root, id, sealed);
  Result<Fd> dir = OpenState(root->get(), id);
  if (!dir.ok()) return NotProved(std::move(dir).status(), "state folder");
  return Create(*root, dir->get(), id, expected_head + 1, sealed);
}

Result<AppendOutcome> FsStorage::AppendFirst(const Root& root, const StateId& id, ByteView sealed) {
  Result<First> first = MakeState(root.get(), id);
  if (!first.ok()) return std::move(first).status();
  Result<uint64_t> head = FindHead(first->dir.get(), id);
  if (!head.ok()) return std::move(head).status();
  if (*head > 0) return AppendOutcome{false, *head};
  return Create(root, first->dir.get(), id, 1, sealed);
}

Result<AppendOutcome> FsStorage::Create(const Root& root, int dir, const StateId& id, uint64_t n,
                                        ByteView sealed) {
  const int64_t start = BootUs();
  Result<CreateOutcome> created =
      CreateDurably(disk_, dir, fs_layout::VersionName(n), sealed, Keep::kReadOnly, root.journal());
  if (!created.ok()) return std::move(created).status();
  if (*created == CreateOutcome::kExists) return AppendOutcome{false, n};
  hints_.Raise(id, n, start);
  return AppendOutcome{true, n};
}

// The folders above a record last: they did before its name was made.
Status FsStorage::Settle(const StateId& id, uint64_t n) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> dir = OpenState(root->get(), id);
  if (!dir.ok()) return std::move(dir).status();
  // As in Replace, which must not be undone.
  STATEWARD_RETURN_IF_ERROR(LockFd(disk_, dir->get(), kFlockMs, "settle"));
  return SettleName(disk_, dir->get(), fs_layout::VersionName(n), kMaxRecord);
}

Status FsStorage::Replace(const StateId& id, uint64_t n, const Sha256Digest& expected,
                          ByteView sealed) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> dir = OpenState(root->get(), id);
  if (!dir.ok()) return std::move(dir).status();
  STATEWARD_RETURN_IF_ERROR(LockFd(disk_, dir->get(), kFlockMs, "replace"));
  Result<Bytes> now = ReadFileAt(disk_, dir->get(), fs_layout::VersionName(n), kMaxRecord);
  if (!now.ok()) return std::move(now).status();
  if (Sha256(*now) != expected) return {Code::kConflict, "the record has other bytes by now"};
  return ReplaceDurably(disk_, dir->get(), fs_layout::VersionName(n), sealed, Keep::kReadOnly);
}

Result<std::vector<uint64_t>> FsStorage::Versions(const StateId& id) {
  std::vector<uint64_t> versions;
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> dir = OpenState(root->get(), id);
  if (!dir.ok()) {
    if (dir.status().code() == Code::kNotFound) return versions;
    return std::move(dir).status();
  }
  std::vector<std::string> names;
  int r = disk_.ListDir(dir->get(), &names);
  if (r < 0 && r != -ENOENT) return FromErrno("list", -r);  // as in ListHead
  for (const std::string& name : names) {
    if (std::optional<uint64_t> n = fs_layout::ParseVersion(name)) versions.push_back(*n);
  }
  std::sort(versions.rbegin(), versions.rend());
  return versions;
}

Result<std::vector<StateId>> FsStorage::IdsOf(int states, const std::string& prefix) {
  std::vector<std::string> groups;
  if (prefix.size() >= 2) {
    groups.push_back(prefix.substr(0, 2));
  } else {
    const int r = disk_.ListDir(states, &groups);
    if (r < 0) return FromErrno("list", -r);
  }
  std::vector<StateId> ids;
  for (const std::string& group : groups) {
    if (!IsHex(group, 2) || group.compare(0, prefix.size(), prefix, 0, 2) != 0) continue;
    std::vector<std::string> names;
    Result<Fd> dir = OpenAndListAt(disk_, states, group, &names);
    if (!dir.ok() && dir.status().code() == Code::kNotFound) continue;
    if (!dir.ok()) return std::move(dir).status();
    for (const std::string& name : names) {
      StateId id;
      if (name.compare(0, prefix.size(), prefix) == 0 &&
          fs_layout::ParseStateName(group, name, &id)) {
        ids.push_back(std::move(id));
      }
    }
    if (ids.size() > kEndsPage && prefix.size() < 64) break;
  }
  std::sort(ids.begin(), ids.end(),
            [](const StateId& a, const StateId& b) { return a.hex() < b.hex(); });
  return ids;
}

Result<Records::EndPage> FsStorage::Ends(const std::string& prefix) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> states = OpenDirAt(disk_, root->get(), kStates);
  if (!states.ok()) return NotProved(std::move(states).status(), "folder of states");
  Result<std::vector<StateId>> ids = IdsOf(states->get(), prefix);
  if (!ids.ok()) return std::move(ids).status();
  EndPage page;
  page.whole = ids->size() <= kEndsPage;
  for (size_t i = 0; page.whole && i < ids->size(); ++i) {
    const uint64_t seen = hints_.Get((*ids)[i]);
    Result<std::vector<uint64_t>> numbers = Versions((*ids)[i]);
    if (!numbers.ok()) return std::move(numbers).status();
    End end;
    end.id = (*ids)[i];
    end.records = numbers->size();
    end.n = numbers->empty() ? 0 : numbers->front();
    STATEWARD_RETURN_IF_ERROR(CheckHead(seen, end.n));
    if (end.n == 0) continue;
    DiskStat stat;
    if (disk_.StatAt(root->get(), fs_layout::VersionPath(end.id, end.n).c_str(), &stat) == 0) {
      end.stamp = std::to_string(stat.inode) + "-" + std::to_string(stat.changed_ns);
    }
    page.ends.push_back(std::move(end));
  }
  return page;
}

Status FsStorage::Prune(const StateId& id, uint64_t n) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> dir = OpenState(root->get(), id);
  if (!dir.ok()) return std::move(dir).status();
  Result<uint64_t> head = FindHead(dir->get(), id);
  if (!head.ok()) return std::move(head).status();
  if (n >= *head) return Status::InvalidArgument("the newest record is never removed");
  int r = disk_.UnlinkAt(dir->get(), fs_layout::VersionName(n).c_str());
  return r < 0 && r != -ENOENT ? FromErrno("unlink", -r) : Status();
}

// A file is made and removed again: only that shows a full or read-only disk.
Status FsStorage::Check() {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> states = OpenDirAt(disk_, root->get(), kStates);
  if (!states.ok()) return NotProved(std::move(states).status(), "folder of states");
  int fd = disk_.OpenAt(states->get(), ".", O_TMPFILE | O_WRONLY, 0600);
  if (fd == -EOPNOTSUPP || fd == -EISDIR) return Status();
  if (fd < 0) return FromErrno("create in " + dir_, -fd);
  Fd file(disk_, fd);
  Bytes probe(4096);
  std::fill(probe.begin(), probe.end(), uint8_t{0});
  return WriteAll(disk_, fd, probe);
}

Result<std::optional<uint64_t>> FsStorage::StoredBytes(const StateId& id) {
  Result<Root> root = OpenRoot();
  if (!root.ok()) return std::move(root).status();
  Result<std::vector<uint64_t>> numbers = Versions(id);
  if (!numbers.ok()) return std::move(numbers).status();
  uint64_t sum = 0;
  for (uint64_t n : *numbers) {
    DiskStat stat;
    // One that went away meanwhile takes no room.
    const int r = disk_.StatAt(root->get(), fs_layout::VersionPath(id, n).c_str(), &stat);
    if (r < 0 && r != -ENOENT) return FromErrno("stat", -r);
    if (r == 0) sum += stat.size;
  }
  return std::optional<uint64_t>(sum);
}

}  // namespace stateward
