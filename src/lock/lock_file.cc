#include "lock/lock_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "base/big_endian.h"
#include "base/files.h"
#include "base/sha256.h"

namespace stateward {
namespace {

constexpr std::string_view kMagic = "STWSLOT2";
// The places' fronts, then the ring, then what does not fit into a front.
constexpr size_t kFront = 4096;
constexpr uint64_t kRingAt = 2 * kFront;
constexpr uint64_t kRestAt = 4 * kFront;
constexpr size_t kRest = 40960;
static_assert(kRingAt + kReleasedSlots * kReleasedEntryBytes <= kRestAt, "the ring has room");

// magic, sequence, length, writer's pid and start, SHA-256: then what the sum does not cover.
constexpr size_t kSumAt = 32;
// Each is a number and its complement: one that does not fit was never written, or is damaged.
constexpr size_t kNextAt = 64;   // the sequence of the record that followed and was synced
constexpr size_t kNotedAt = 80;  // a head
constexpr size_t kHeader = 96;
static_assert(kHeader + kMaxLockRecord <= kFront + kRest, "a record has room");

void PutPair(uint64_t value, uint8_t* out) {
  PutBigEndianAt(value, 8, out);
  PutBigEndianAt(~value, 8, out + 8);
}

std::optional<uint64_t> GetPair(const uint8_t* in) {
  const uint64_t value = GetBigEndian({in, 8});
  if (GetBigEndian({in + 8, 8}) != ~value) return std::nullopt;
  return value;
}

bool IsZeros(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

// A pair that was never written is zeros.
bool IsDamagedPair(const uint8_t* pair) { return !IsZeros({pair, 16}) && !GetPair(pair); }

// Its writer was killed: the newer record lasts without it.
bool BrokeOff(const uint8_t* pair, uint64_t value) {
  std::array<uint8_t, 16> whole{};
  PutPair(value, whole.data());
  const auto [right, there] = std::mismatch(whole.begin(), whole.end(), pair);
  return IsZeros({there, static_cast<size_t>(whole.end() - right)});
}

bool HasDamagedPair(const uint8_t* front, uint64_t sequence) {
  const uint8_t* next = front + kNextAt;
  return IsDamagedPair(front + kNotedAt) || (IsDamagedPair(next) && !BrokeOff(next, sequence + 1));
}

Sha256Digest Sum(const uint8_t* header, ByteView record) {
  Sha256Stream stream;
  stream.Update({header + 8, 24});  // sequence, length, writer
  stream.Update(record);
  return stream.Finish();
}

Bytes Encode(uint64_t sequence, const ProcessId& writer, ByteView record) {
  Bytes out(kHeader + record.size(), uint8_t{0});
  std::memcpy(out.data(), kMagic.data(), kMagic.size());
  PutBigEndianAt(sequence, 8, out.data() + 8);
  PutBigEndianAt(record.size(), 4, out.data() + 16);
  PutBigEndianAt(writer.pid, 4, out.data() + 20);
  PutBigEndianAt(writer.start, 8, out.data() + 24);
  if (!record.empty()) std::memcpy(out.data() + kHeader, record.data(), record.size());
  Sha256Digest sum = Sum(out.data(), record);
  std::memcpy(out.data() + kSumAt, sum.data(), sum.size());
  return out;
}

uint64_t FrontOf(uint64_t sequence) { return sequence % 2 * kFront; }
uint64_t RestOf(uint64_t sequence) { return kRestAt + sequence % 2 * kRest; }

Status WriteAt(Disk& disk, int fd, ByteView bytes, uint64_t offset) {
  size_t done = 0;
  while (done < bytes.size()) {
    long n = disk.WriteAt(fd, bytes.data() + done, bytes.size() - done, offset + done);
    if (n < 0) return FromErrno("write lock", static_cast<int>(-n));
    if (n == 0) return Status::Unavailable("write lock: nothing was taken");
    done += static_cast<size_t>(n);
  }
  return Status();
}

// As many of the n bytes as the file has there.
Result<size_t> ReadAt(Disk& disk, int fd, uint8_t* to, size_t n, uint64_t offset) {
  size_t have = 0;
  while (have < n) {
    long got = disk.ReadAt(fd, to + have, n - have, offset + have);
    if (got < 0) return FromErrno("read lock", static_cast<int>(-got));
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  return have;
}

Status WriteRecord(Disk& disk, int fd, uint64_t sequence, ByteView bytes) {
  const size_t front = std::min(bytes.size(), kFront);
  if (front < bytes.size()) {
    STATEWARD_RETURN_IF_ERROR(
        WriteAt(disk, fd, bytes.Sub(front, bytes.size() - front), RestOf(sequence)));
  }
  return WriteAt(disk, fd, bytes.Sub(0, front), FrontOf(sequence));
}

Status SyncData(Disk& disk, int fd) {
  int r = disk.SyncData(fd);
  return r < 0 ? FromErrno("fdatasync lock", -r) : Status();
}

// nullopt: no whole record in the place that begins with `front`.
Result<std::optional<LockSlot>> ReadPlace(Disk& disk, int fd, const uint8_t* front, size_t place) {
  if (std::memcmp(front, kMagic.data(), kMagic.size()) != 0) return std::optional<LockSlot>();
  LockSlot slot;
  slot.sequence = GetBigEndian({front + 8, 8});
  slot.writer = {static_cast<uint32_t>(GetBigEndian({front + 20, 4})),
                 GetBigEndian({front + 24, 8})};
  const size_t size = GetBigEndian({front + 16, 4});
  if (size > kMaxLockRecord || slot.sequence % 2 != place) return std::optional<LockSlot>();
  slot.record.resize(size);
  const size_t here = std::min(size, kFront - kHeader);
  if (here > 0) std::memcpy(slot.record.data(), front + kHeader, here);
  if (here < size) {
    Result<size_t> rest =
        ReadAt(disk, fd, slot.record.data() + here, size - here, RestOf(slot.sequence));
    if (!rest.ok()) return std::move(rest).status();
    if (*rest < size - here) return std::optional<LockSlot>();
  }
  Sha256Digest sum = Sum(front, slot.record);
  if (std::memcmp(front + kSumAt, sum.data(), sum.size()) != 0) return std::optional<LockSlot>();
  slot.newer_lost = GetPair(front + kNextAt) == slot.sequence + 1;
  slot.noted = GetPair(front + kNotedAt).value_or(0);
  return std::optional<LockSlot>(std::move(slot));
}

}  // namespace

// The place with the larger sequence counts when its sum is right; only else the other is read.
// That one tells whether something newer was there or was only begun.
Result<LockSlot> ReadLockSlot(Disk& disk, int fd) {
  std::array<uint8_t, 2 * kFront> fronts{};
  Result<size_t> have = ReadAt(disk, fd, fronts.data(), fronts.size(), 0);
  if (!have.ok()) return std::move(have).status();
  if (*have == 0) return LockSlot{};
  const uint8_t* front[] = {fronts.data(), fronts.data() + kFront};
  const size_t first = GetBigEndian({front[1] + 8, 8}) > GetBigEndian({front[0] + 8, 8}) ? 1 : 0;
  for (size_t place : {first, 1 - first}) {
    Result<std::optional<LockSlot>> slot = ReadPlace(disk, fd, front[place], place);
    if (!slot.ok()) return std::move(slot).status();
    if (slot->has_value()) return std::move(**slot);
  }
  // The first record, of a free lock, lies in place 1 and is on the disk before the other is begun.
  if (IsZeros({front[0], kFront})) return LockSlot{};
  return Status::Corruption("lock record: neither of its two copies is whole");
}

Result<std::vector<std::string>> DamagedCopies(Disk& disk, int fd, const LockSlot& now) {
  std::vector<std::string> damaged;
  if (now.sequence == 0) return damaged;
  std::array<uint8_t, 2 * kFront> fronts{};
  Result<size_t> have = ReadAt(disk, fd, fronts.data(), fronts.size(), 0);
  if (!have.ok()) return std::move(have).status();
  const size_t place = now.sequence % 2;
  const uint8_t* newest = fronts.data() + place * kFront;
  const uint8_t* other = fronts.data() + (1 - place) * kFront;
  Result<std::optional<LockSlot>> older = ReadPlace(disk, fd, other, 1 - place);
  if (!older.ok()) return std::move(older).status();
  // A place of zeros was never written, or its write was taken back.
  const bool whole =
      IsZeros({other, kFront}) || (older->has_value() && (*older)->sequence + 1 == now.sequence);
  if (now.newer_lost) {
    damaged.push_back("the newer copy of the lock record: who holds the lock is not known");
  } else if (!whole) {
    damaged.push_back("the other copy of the lock record");
  } else if (HasDamagedPair(other, now.sequence - 1)) {
    damaged.push_back("a note behind the other copy of the lock record");
  }
  if (HasDamagedPair(newest, now.sequence))
    damaged.push_back("a note behind the copy of the lock record that counts");
  return damaged;
}

bool MayBeUnsynced(const LockSlot& now, LifeWatch& writers) {
  return now.sequence > 0 && !(now.writer == SelfProcess()) && !writers.IsAlive(now.writer);
}

// The very bytes that are there: a write of them that breaks off changes nothing.
Status SettleLockSlot(Disk& disk, int fd, const LockSlot& now) {
  if (now.sequence == 0) return Status();
  Bytes bytes = Encode(now.sequence, now.writer, now.record);
  PutPair(now.noted, bytes.data() + kNotedAt);
  if (now.newer_lost) PutPair(now.sequence + 1, bytes.data() + kNextAt);
  STATEWARD_RETURN_IF_ERROR(WriteRecord(disk, fd, now.sequence, bytes));
  return SyncData(disk, fd);
}

Status BeginLockFile(Disk& disk, int fd, ByteView record, LockSlot* now) {
  Bytes whole(kRestAt, uint8_t{0});
  const Bytes bytes = Encode(1, SelfProcess(), record);
  std::copy(bytes.begin(), bytes.end(), whole.begin() + kFront);
  STATEWARD_RETURN_IF_ERROR(WriteAt(disk, fd, whole, 0));
  STATEWARD_RETURN_IF_ERROR(SyncFd(disk, fd, "lock file"));
  *now = LockSlot();
  now->sequence = 1;
  now->writer = SelfProcess();
  now->record.assign(record.begin(), record.end());
  return Status();
}

Status WriteLockSlot(Disk& disk, int fd, const LockSlot& now, ByteView record) {
  if (record.size() > kMaxLockRecord) return Status::Internal("lock record: too long");
  const uint64_t sequence = now.sequence + 1;
  Status written = WriteRecord(disk, fd, sequence, Encode(sequence, SelfProcess(), record));
  if (written.ok()) written = SyncData(disk, fd);
  if (!written.ok()) {
    // The caller is told that nothing was done, and nobody may take it for done: not even when the
    // next sync works, since the kernel counts the bytes of a failed one as written.
    (void)WriteAt(disk, fd, Bytes(kFront, uint8_t{0}), FrontOf(sequence));
    return written;
  }
  // Should the new record be damaged, the older one says that it is not the newest. Without a sync
  // of its own: it comes with the next write to the same block, or when the kernel writes.
  std::array<uint8_t, 16> next{};
  PutPair(sequence, next.data());
  (void)WriteAt(disk, fd, next, FrontOf(now.sequence) + kNextAt);
  return Status();
}

void NoteHead(Disk& disk, int fd, const LockSlot& now, uint64_t head) {
  if (now.sequence == 0) return;
  std::array<uint8_t, 16> noted{};
  PutPair(head, noted.data());
  (void)WriteAt(disk, fd, noted, FrontOf(now.sequence) + kNotedAt);
}

Result<Bytes> ReadReleasedEntry(Disk& disk, int fd, uint64_t slot) {
  Bytes entry(kReleasedEntryBytes);
  Result<size_t> have =
      ReadAt(disk, fd, entry.data(), entry.size(), kRingAt + slot * kReleasedEntryBytes);
  if (!have.ok()) return std::move(have).status();
  entry.resize(*have);
  return entry;
}

Status WriteReleasedEntry(Disk& disk, int fd, uint64_t slot, ByteView entry) {
  return WriteAt(disk, fd, entry, kRingAt + slot * kReleasedEntryBytes);
}

}  // namespace stateward
