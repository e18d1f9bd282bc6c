#include "lock/local_lock.h"

#include <fcntl.h>

#include <algorithm>
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
// What a busy host may add to that. Web servers wait for 60 s by default, clients no longer.
constexpr int64_t kStoodStillUs = 20000000;

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

void LocalLock::Expect(const std::string& service_id) {
  {
    std::lock_guard<std::mutex> hold(service_mutex_);
    service_id_ = service_id;
  }
  folder_.Forget();
}

Result<std::string> LocalLock::InitService(bool forgotten) {
  Result<std::string> there = ServiceId();
  if (there.ok() && forgotten) {
    Expect(*there);
    STATEWARD_RETURN_IF_ERROR(ForgetRecords());
  }
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

Status LocalLock::ForgetRecords() {
  std::vector<StateId> known;
  STATEWARD_RETURN_IF_ERROR(EachKnown([&](const StateId& id) {
    known.push_back(id);
    return true;
  }));
  for (const StateId& id : known) {
    Result<Held> held = Open(id, false);
    if (!held.ok()) return std::move(held).status();
    if (held->slot.sequence <= 1 && !held->slot.newer_lost) continue;  // it was never locked
    held->book.burn = true;
    held->book.mark = 0;
    held->slot.noted = 0;
    STATEWARD_RETURN_IF_ERROR(Store(id, &*held, 0));
  }
  return Status();
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

// A file that is absent, empty or without a second record was never locked. Such a file goes with
// the step that made it; so who waited for its flock may hold the one of a file that has no
// name any more.
Result<LocalLock::Held> LocalLock::Open(const StateId& id, bool make) {
  Result<MarkedFolder::Root> root = OpenService();
  if (!root.ok()) return std::move(root).status();
  const int64_t give_up = clock_.SteadyUs() + int64_t{1000} * kFlockMs;
  const std::string path = PathOf(id);
  do {
    Result<Fd> file = OpenFileAt(disk_, root->get(), path, O_RDWR);
    const bool absent = !file.ok() && file.status().code() == Code::kNotFound;
    if (absent && !make) return Held{std::move(*root), {}, {}, {}};
    if (absent) file = MakeFile(root->get(), id);
    if (!file.ok()) return Outage(std::move(file).status());
    STATEWARD_RETURN_IF_ERROR(LockFd(disk_, file->get(), kFlockMs, "lock file"));
    // The process stood still meanwhile: the client has asked again, or given up.
    if (clock_.SteadyUs() >= give_up + kStoodStillUs) {
      return Status::Unavailable("this process stood still while it waited for a lock file");
    }
    Result<LockSlot> slot = ReadLockSlot(disk_, file->get());
    if (!slot.ok()) return Outage(std::move(slot).status());
    if (slot->sequence <= 1 && !HasName(root->get(), path, file->get())) continue;
    if (slot->sequence <= 1 && !slot->newer_lost && make && !absent) {
      // The step that made it broke off. Its name may not last: the sync of its folder failed,
      // perhaps, and so did its removal; and no sync makes up for one that failed.
      const int r = disk_.UnlinkAt(root->get(), path.c_str());
      if (r < 0) return FromErrno("unlink lock file", -r);
      continue;
    }
    Held held{std::move(*root), std::move(*file), std::move(*slot), {}};
    if (held.slot.sequence == 0) return held;
    Result<LockBook> book = DecodeLockRecord(held.slot.record);
    if (!book.ok()) return Outage(std::move(book).status());
    held.book = std::move(*book);
    held.book.mark = std::max(held.book.mark, held.slot.noted);
    if (held.slot.newer_lost) Forget(&held.book);
    return held;
  } while (clock_.SteadyUs() < give_up);
  return Status::Unavailable("lock file: others came first each time");
}

Result<Fd> LocalLock::MakeFile(int root, const StateId& id) {
  Result<Fd> all = OpenDirAt(disk_, root, ".");  // the shared one cannot be locked between threads
  if (!all.ok()) return Outage(std::move(all).status());
  STATEWARD_RETURN_IF_ERROR(LockFd(disk_, all->get(), kFlockMs, "lock folder"));
  Result<Fd> group = MakeFolderDurably(disk_, all->get(), id.hex().substr(0, 2));
  if (!group.ok()) return group;
  return OpenFileAt(disk_, group->get(), id.hex(), O_RDWR | O_CREAT);
}

bool LocalLock::HasName(int root, const std::string& path, int fd) {
  DiskStat named;
  DiskStat open;
  return disk_.StatAt(root, path.c_str(), &named) == 0 && disk_.Stat(fd, &open) == 0 &&
         named.inode == open.inode && named.device == open.device;
}

// The newest record was acknowledged and is damaged: what it said of the holder is not known.
void LocalLock::Forget(LockBook* book) {
  book->holder.reset();
  book->burn = true;
  forgot_ = true;
}

// A file of a state that was never locked need not stay.
void LocalLock::Discard(const StateId& id, const Held& held) {
  if (held.file.valid() && held.slot.sequence <= 1 && !held.slot.newer_lost) {
    disk_.UnlinkAt(held.root.get(), PathOf(id).c_str());
  }
}

// Before the first record of a file is written: nobody may find a lock whose file can be lost. A
// sync that failed is not believed the second time, so the file is made again then. The folder
// above it lasts since before the file was made.
Status LocalLock::SyncFolders(const StateId& id, const Held& held) {
  Result<Fd> dir = OpenDirAt(disk_, held.root.get(), id.hex().substr(0, 2));
  if (!dir.ok()) return Outage(std::move(dir).status());
  return SyncFd(disk_, dir->get(), "folder");
}

// `released`: so many of the book's last entries are new.
Status LocalLock::Store(const StateId& id, Held* held, size_t released) {
  const int fd = held->file.get();
  if (MayBeUnsynced(held->slot, writers_)) STATEWARD_RETURN_IF_ERROR(Settle(*held));
  Status stored;
  if (held->slot.sequence == 0) {
    stored = BeginLockFile(disk_, fd, EncodeLockRecord({}), &held->slot);
  }
  if (stored.ok() && held->slot.sequence == 1) stored = SyncFolders(id, *held);
  if (!stored.ok()) {
    Discard(id, *held);
    return stored;
  }
  const std::vector<ReleasedId>& entries = held->book.released;
  for (size_t i = entries.size() - released; i < entries.size(); ++i) {
    const uint64_t slot = SlotOfRelease(entries[i].number);
    STATEWARD_RETURN_IF_ERROR(WriteReleasedEntry(disk_, fd, slot, EncodeReleasedId(entries[i])));
  }
  return WriteLockSlot(disk_, fd, held->slot, EncodeLockRecord(held->book));
}

// For repeats: who did it first may have died between writing and syncing.
Status LocalLock::Settle(const Held& held) {
  if (held.slot.sequence == 0) return Status();
  Result<LockBook> book = DecodeLockRecord(held.slot.record);
  // The entries of its last step: of one time, when it released many plans.
  std::optional<int64_t> time_ms;
  const uint64_t last = book.ok() ? book->releases : 0;
  for (uint64_t n = 1; n <= std::min<uint64_t>(last, kReleasedIdsKept); ++n) {
    const uint64_t slot = SlotOfRelease(last - n);
    Result<Bytes> bytes = ReadReleasedEntry(disk_, held.file.get(), slot);
    if (!bytes.ok()) return std::move(bytes).status();
    Result<ReleasedId> entry = DecodeReleasedId(last - n, *bytes);
    if (n > 1 && (!entry.ok() || !time_ms || entry->time_ms != *time_ms)) break;
    if (entry.ok()) time_ms = entry->time_ms;
    STATEWARD_RETURN_IF_ERROR(WriteReleasedEntry(disk_, held.file.get(), slot, *bytes));
  }
  return SettleLockSlot(disk_, held.file.get(), held.slot);
}

// Fetches the entries that may be this ID's. One that is damaged (its release broke off, or a bit
// was lost) is taken for it: to grant a released ID again would be worse than to refuse a new one.
Status LocalLock::AddReleased(Held* held, const std::string& lock_id) {
  for (uint64_t number : MayBeReleased(held->book, lock_id)) {
    Result<Bytes> bytes = ReadReleasedEntry(disk_, held->file.get(), SlotOfRelease(number));
    if (!bytes.ok()) return std::move(bytes).status();
    Result<ReleasedId> entry = DecodeReleasedId(number, *bytes);
    held->book.released.push_back(entry.ok() ? *entry
                                             : AssumeReleased(number, lock_id, clock_.NowMs()));
  }
  return Status();
}

Result<AcquireOutcome> LocalLock::Acquire(const LockKey& key, const LockRecord& want,
                                          const LockTerms& terms) {
  Result<Held> held = Open(key.id, true);
  if (!held.ok()) return std::move(held).status();
  STATEWARD_RETURN_IF_ERROR(AddReleased(&*held, want.id));
  int64_t now = clock_.NowMs();
  AcquireOutcome outcome = DecideAcquire(held->book, want, now);
  const auto* granted = std::get_if<Granted>(&outcome);
  if (std::holds_alternative<WasReleased>(outcome)) return outcome;
  if (granted != nullptr && granted->repeated) {
    STATEWARD_RETURN_IF_ERROR(Settle(*held));
    return outcome;
  }
  Result<std::optional<AcquireOutcome>> kept = AskGates(*held, terms.gates);
  const bool open = kept.ok() && !kept->has_value();
  if (open && granted == nullptr && NoteWaiting(&held->book, want, now)) {
    STATEWARD_RETURN_IF_ERROR(Store(key.id, &*held, 0));
    return outcome;
  }
  if (!open || granted == nullptr) {
    Discard(key.id, *held);
    if (!kept.ok()) return std::move(kept).status();
    return kept->has_value() ? std::move(**kept) : outcome;
  }
  LockRecord record = want;
  Result<uint64_t> head = terms.base({held->book.burn, held->book.mark, nullptr});
  if (!head.ok()) {
    Discard(key.id, *held);
    return Outage(std::move(head).status());
  }
  record.base = *head;
  Take(&held->book, std::move(record), now);
  STATEWARD_RETURN_IF_ERROR(Store(key.id, &*held, 0));
  return outcome;
}

Result<ReleaseOutcome> LocalLock::Release(const LockKey& key, const ReleaseRequest& request) {
  Result<Held> held = Open(key.id, false);
  if (!held.ok()) return std::move(held).status();
  STATEWARD_RETURN_IF_ERROR(AddReleased(&*held, request.id));
  ReleaseOutcome outcome = stateward::Release(&held->book, request, clock_.NowMs());
  if (const auto* released = std::get_if<Released>(&outcome)) {
    STATEWARD_RETURN_IF_ERROR(Store(key.id, &*held, CountOf(*released)));
  } else if (!std::holds_alternative<HeldBy>(outcome)) {
    STATEWARD_RETURN_IF_ERROR(Settle(*held));
  }
  return outcome;
}

Result<LockView> LocalLock::Look(const LockKey& key) {
  Result<Held> held = Open(key.id, false);
  if (!held.ok()) return std::move(held).status();
  return ViewOf(std::move(held->book));
}

Result<bool> LocalLock::TokenReleased(const StateId& id, const std::string& token_sha256) {
  Result<Held> held = Open(id, false);
  if (!held.ok()) return std::move(held).status();
  for (uint64_t n = held->book.tags.size() / kReleasedTagBytes; n > 0; --n) {
    const uint64_t number = held->book.releases - n;
    Result<Bytes> bytes = ReadReleasedEntry(disk_, held->file.get(), SlotOfRelease(number));
    if (!bytes.ok()) return std::move(bytes).status();
    Result<ReleasedId> entry = DecodeReleasedId(number, *bytes);
    if (entry.ok()) held->book.released.push_back(*entry);
  }
  return stateward::TokenReleased(held->book, token_sha256, clock_.NowMs());
}

Status LocalLock::BurnNext(const LockKey& key) {
  Result<Held> held = Open(key.id, true);
  if (!held.ok()) return std::move(held).status();
  held->book.burn = true;
  return Store(key.id, &*held, 0);
}

Status LocalLock::WithLock(const LockKey& key, const WriteFn& write) {
  Result<Held> held = Open(key.id, true);
  if (!held.ok()) return std::move(held).status();
  const uint64_t mark = held->book.mark;
  LockView view = ViewOf(std::move(held->book));
  const int root = held->root.get();
  view.gates = [this, root] { return GatesIn(root); };
  write(view);
  if (view.mark > mark) NoteHead(disk_, held->file.get(), held->slot, view.mark);
  Discard(key.id, *held);
  return Status();
}

std::string LocalLock::Warning() {
  if (!forgot_) return "";
  return "local: a lock record in LOCK_LOCAL_DIR was damaged, and a lock may have been forgotten";
}

Result<std::vector<LockRecord>> LocalLock::Peek(int dir, const std::string& name) {
  Result<Fd> file = OpenFileAt(disk_, dir, name, O_RDONLY);
  const bool gone = !file.ok() && file.status().code() == Code::kNotFound;
  if (gone) return std::vector<LockRecord>();
  if (!file.ok()) return Outage(std::move(file).status());
  Result<LockSlot> slot = ReadLockSlot(disk_, file->get());
  if (!slot.ok()) return Outage(std::move(slot).status());
  if (slot->sequence == 0) return std::vector<LockRecord>();
  if (slot->newer_lost) return Status::Unavailable("lock file: its newest record is damaged");
  Result<LockBook> book = DecodeLockRecord(slot->record);
  if (!book.ok()) return Outage(std::move(book).status());
  return LocksOf(std::move(*book));
}

Status LocalLock::EachFile(
    const StateId& after,
    const std::function<bool(const StateId& id, int dir, const std::string& name)>& each) {
  Result<MarkedFolder::Root> root = OpenService();
  if (!root.ok()) return std::move(root).status();
  std::vector<std::string> groups;
  int r = disk_.ListDir(root->get(), &groups);
  if (r < 0) return FromErrno("list locks", -r);
  std::sort(groups.begin(), groups.end());
  for (const std::string& group : groups) {
    if (!IsHex(group, 2) || group < after.hex().substr(0, 2)) continue;
    std::vector<std::string> names;
    Result<Fd> dir = OpenAndListAt(disk_, root->get(), group, &names);
    // It was empty a moment ago: its first file is being made.
    if (!dir.ok() && dir.status().code() == Code::kNotFound) continue;
    if (!dir.ok()) return Outage(std::move(dir).status());
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      StateId id;
      if (name <= after.hex() || !StateId::Parse(name, &id)) continue;
      if (!each(id, dir->get(), name)) return Status();
    }
  }
  return Status();
}

Status LocalLock::EachHeldAfter(const StateId& after, const EachHeldFn& each) {
  return EachFile(after, [&](const StateId& id, int dir, const std::string& name) {
    Result<std::vector<LockRecord>> locks = Peek(dir, name);
    return locks.ok() ? TellLocks(id, std::move(*locks), each)
                      : each(id, std::move(locks).status());
  });
}

Status LocalLock::EachKnown(const std::function<bool(const StateId&)>& each) {
  return EachFile(StateId(),
                  [&each](const StateId& id, int, const std::string&) { return each(id); });
}

Result<HeldCount> LocalLock::CountHeld() {
  HeldCount count;
  STATEWARD_RETURN_IF_ERROR(EachHeld([&](const StateId&, const Result<LockRecord>& holder) {
    if (holder.ok()) ++(holder->shared ? count.plans : count.whole);
    return true;
  }));
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
