#include "lock/local_lock.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "base/hex.h"
#include "base/random.h"

namespace stateward {
namespace {

constexpr char kService[] = "lock-service";
constexpr std::string_view kTitle = "stateward lock service\nid ";
constexpr size_t kServiceBytes = kTitle.size() + 33;
// Longer than any sync of a healthy disk; a stopped process must not hold the others for ever.
constexpr int kFlockMs = 10000;

std::string PathOf(const StateId& id) { return id.hex().substr(0, 2) + "/" + id.hex(); }

Result<std::string> ParseService(ByteView bytes) {
  std::string_view text = bytes.AsString();
  if (text.size() != kServiceBytes || text.substr(0, kTitle.size()) != kTitle ||
      !IsHex(text.substr(kTitle.size(), 32), 32) || text.back() != '\n') {
    return Status::Unavailable("lock service file: damaged");
  }
  return std::string(text.substr(kTitle.size(), 32));
}

// What is not there proves nothing here: a lock folder that is gone is an outage.
Status Outage(Status status) {
  if (status.code() == Code::kUnavailable) return status;
  return Status::Unavailable("lock folder: " + status.detail());
}

}  // namespace

LocalLock::LocalLock(Disk& disk, const Clock& clock, std::string dir)
    : disk_(disk),
      clock_(clock),
      dir_(std::move(dir)),
      folder_(disk, dir_, kService, kServiceBytes) {}

Result<std::string> LocalLock::ServiceId() {
  Result<Fd> root = OpenDirAt(disk_, AT_FDCWD, dir_);
  if (!root.ok()) return std::move(root).status();
  Result<Bytes> text = ReadFileAt(disk_, root->get(), kService, kServiceBytes);
  if (!text.ok()) {
    return text.status().code() == Code::kNotFound ? std::move(text).status()
                                                   : Outage(std::move(text).status());
  }
  Result<std::string> id = ParseService(*text);
  if (!id.ok()) return id;
  std::lock_guard<std::mutex> hold(service_mutex_);
  if (service_id_.empty()) service_id_ = *id;
  return id;
}

Result<std::string> LocalLock::InitService(bool /*forgotten*/) {
  Result<std::string> there = ServiceId();
  if (there.ok() || there.status().code() != Code::kNotFound) return there;
  // The folder above may be a store that is being made in the same breath.
  std::string parent = dir_.substr(0, dir_.rfind('/'));
  if (parent != dir_ && !parent.empty()) disk_.MakeDirAt(AT_FDCWD, parent.c_str(), 0700);
  int r = disk_.MakeDirAt(AT_FDCWD, dir_.c_str(), 0700);
  if (r < 0 && r != -EEXIST) return FromErrno("mkdir " + dir_, -r);
  Result<Fd> root = OpenDirAt(disk_, AT_FDCWD, dir_);
  if (!root.ok()) return Outage(std::move(root).status());
  Result<CreateOutcome> created =
      CreateDurably(disk_, root->get(), kService, std::string(kTitle) + RandomHex(16) + "\n");
  if (!created.ok()) return std::move(created).status();
  STATEWARD_RETURN_IF_ERROR(SyncFolderAbove(disk_, dir_));
  return ServiceId();
}

Result<MarkedFolder::Root> LocalLock::OpenService() {
  Result<MarkedFolder::Root> root = folder_.Open([this](ByteView text, int /*root*/) {
    Result<std::string> id = ParseService(text);
    if (!id.ok()) return std::move(id).status();
    std::lock_guard<std::mutex> hold(service_mutex_);
    if (service_id_.empty()) service_id_ = *id;
    if (*id == service_id_) return Status();
    return Status::Unavailable("another lock service lies in " + dir_ +
                               " now; see `statewardctl init --locks`");
  });
  if (!root.ok()) return Outage(std::move(root).status());
  return root;
}

Result<Fd> LocalLock::MakeFile(int root, const StateId& id) {
  bool made = false;
  std::string group = id.hex().substr(0, 2);
  STATEWARD_RETURN_IF_ERROR(MakeDirAt(disk_, root, group, &made));
  Result<Fd> dir = OpenDirAt(disk_, root, group);
  if (!dir.ok()) return Outage(std::move(dir).status());
  Result<CreateOutcome> created =
      CreateDurably(disk_, dir->get(), id.hex(), FirstSlot(EncodeLockBook({})));
  if (!created.ok()) return std::move(created).status();
  Result<Fd> file = OpenFileAt(disk_, dir->get(), id.hex(), O_RDWR);
  if (!file.ok()) return Outage(std::move(file).status());
  return file;
}

Result<LocalLock::Held> LocalLock::Open(const StateId& id) {
  Result<MarkedFolder::Root> root = OpenService();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> file = OpenFileAt(disk_, root->get(), PathOf(id), O_RDWR);
  if (!file.ok() && file.status().code() == Code::kNotFound) file = MakeFile(root->get(), id);
  if (!file.ok()) return std::move(file).status();
  STATEWARD_RETURN_IF_ERROR(LockFd(disk_, file->get(), kFlockMs, "lock file"));
  Result<Slot> slot = ReadSlot(disk_, file->get());
  if (!slot.ok()) return Outage(std::move(slot).status());
  Result<LockBook> book = DecodeLockBook(slot->record);
  if (!book.ok()) return Outage(std::move(book).status());
  return Held{std::move(*file), std::move(*slot), std::move(*book)};
}

// Whoever made the file, or the folder above it, may have died before they were synced.
Status LocalLock::SyncFolders(const StateId& id) {
  Result<MarkedFolder::Root> root = OpenService();
  if (!root.ok()) return std::move(root).status();
  Result<Fd> dir = OpenDirAt(disk_, root->get(), id.hex().substr(0, 2));
  if (!dir.ok()) return Outage(std::move(dir).status());
  STATEWARD_RETURN_IF_ERROR(SyncFd(disk_, dir->get(), "folder"));
  return SyncFd(disk_, root->get(), "folder");
}

Status LocalLock::Store(const StateId& id, Held* held) {
  if (held->slot.sequence == kFirstSequence) STATEWARD_RETURN_IF_ERROR(SyncFolders(id));
  return WriteSlot(disk_, held->fd.get(), held->slot, EncodeLockBook(held->book));
}

// For repeats: who did it first may have died between writing and syncing.
Status LocalLock::Settle(const Held& held) { return SettleSlot(disk_, held.fd.get(), held.slot); }

Result<AcquireOutcome> LocalLock::Acquire(const LockKey& key, const LockRecord& want,
                                          const BaseFn& base) {
  Result<Held> held = Open(key.id);
  if (!held.ok()) return std::move(held).status();
  int64_t now = clock_.NowMs();
  AcquireOutcome outcome = DecideAcquire(held->book, want, now);
  const auto* granted = std::get_if<Granted>(&outcome);
  if (granted == nullptr) return outcome;
  if (granted->repeated) {
    STATEWARD_RETURN_IF_ERROR(Settle(*held));
    return outcome;
  }
  LockRecord record = want;
  Result<uint64_t> head = base(held->book.burn);
  if (!head.ok()) return Outage(std::move(head).status());
  record.base = *head;
  Take(&held->book, std::move(record), now);
  STATEWARD_RETURN_IF_ERROR(Store(key.id, &*held));
  return outcome;
}

Result<ReleaseOutcome> LocalLock::Release(const LockKey& key, const ReleaseRequest& request) {
  Result<Held> held = Open(key.id);
  if (!held.ok()) return std::move(held).status();
  ReleaseOutcome outcome = stateward::Release(&held->book, request, clock_.NowMs());
  if (std::holds_alternative<Released>(outcome)) {
    STATEWARD_RETURN_IF_ERROR(Store(key.id, &*held));
  } else if (!std::holds_alternative<HeldBy>(outcome)) {
    STATEWARD_RETURN_IF_ERROR(Settle(*held));
  }
  return outcome;
}

Result<LockView> LocalLock::Look(const LockKey& key) {
  Result<Held> held = Open(key.id);
  if (!held.ok()) return std::move(held).status();
  return LockView{std::move(held->book.holder)};
}

Result<bool> LocalLock::TokenReleased(const StateId& id, const std::string& token_sha256) {
  Result<Held> held = Open(id);
  if (!held.ok()) return std::move(held).status();
  return stateward::TokenReleased(held->book, token_sha256, clock_.NowMs());
}

Status LocalLock::BurnNext(const LockKey& key) {
  Result<Held> held = Open(key.id);
  if (!held.ok()) return std::move(held).status();
  held->book.burn = true;
  return Store(key.id, &*held);
}

Status LocalLock::WithLock(const LockKey& key, const std::function<void(const LockView&)>& write) {
  Result<Held> held = Open(key.id);
  if (!held.ok()) return std::move(held).status();
  write(LockView{std::move(held->book.holder)});
  return Status();
}

Result<uint64_t> LocalLock::CountHeld() {
  Result<MarkedFolder::Root> root = OpenService();
  if (!root.ok()) return std::move(root).status();
  std::vector<std::string> groups;
  int r = disk_.ListDir(root->get(), &groups);
  if (r < 0) return FromErrno("list locks", -r);
  uint64_t count = 0;
  for (const std::string& group : groups) {
    if (!IsHex(group, 2)) continue;
    Result<Fd> dir = OpenDirAt(disk_, root->get(), group);
    if (!dir.ok()) continue;
    std::vector<std::string> names;
    r = disk_.ListDir(dir->get(), &names);
    if (r < 0) return FromErrno("list locks", -r);
    for (const std::string& name : names) {
      Result<Fd> file = OpenFileAt(disk_, dir->get(), name, O_RDONLY);
      if (!file.ok()) continue;
      // Without the flock: a record that is being written is not whole, and the other one counts.
      Result<Slot> slot = ReadSlot(disk_, file->get());
      if (!slot.ok()) continue;
      Result<LockBook> book = DecodeLockBook(slot->record);
      if (book.ok() && book->holder) ++count;
    }
  }
  return count;
}

Status LocalLock::Check() {
  Result<MarkedFolder::Root> root = OpenService();
  if (!root.ok()) return std::move(root).status();
  int fd = disk_.OpenAt(root->get(), ".", O_TMPFILE | O_WRONLY, 0600);
  if (fd == -EOPNOTSUPP || fd == -EISDIR) return Status();
  if (fd < 0) return FromErrno("create in " + dir_, -fd);
  Fd file(disk_, fd);
  return WriteAll(disk_, fd, std::string(512, '\0'));
}

}  // namespace stateward
