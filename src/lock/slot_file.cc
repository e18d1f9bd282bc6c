#include "lock/slot_file.h"

#include <array>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/sha256.h"

namespace stateward {
namespace {

constexpr std::string_view kMagic = "STWSLOT1";
// Most records are shorter, so that one read gets all of a place.
constexpr size_t kFirstRead = 4096;

void PutBig(uint64_t value, size_t n, uint8_t* out) {
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<uint8_t>(value >> (8 * (n - 1 - i)));
}

uint64_t GetBig(const uint8_t* in, size_t n) {
  uint64_t value = 0;
  for (size_t i = 0; i < n; ++i) value = value << 8 | in[i];
  return value;
}

Sha256Digest Sum(const uint8_t* header, ByteView record) {
  Sha256Stream stream;
  stream.Update({header + 8, 24});  // sequence, length, writer
  stream.Update(record);
  return stream.Finish();
}

Bytes Encode(uint64_t sequence, const ProcessId& writer, ByteView record) {
  Bytes out(kSlotHeader + record.size());
  std::memcpy(out.data(), kMagic.data(), kMagic.size());
  PutBig(sequence, 8, out.data() + 8);
  PutBig(record.size(), 4, out.data() + 16);
  if (!record.empty()) std::memcpy(out.data() + kSlotHeader, record.data(), record.size());
  PutBig(writer.pid, 4, out.data() + 20);
  PutBig(writer.start, 8, out.data() + 24);
  Sha256Digest sum = Sum(out.data(), record);
  std::memcpy(out.data() + 32, sum.data(), sum.size());
  return out;
}

uint64_t PlaceOf(uint64_t sequence) { return sequence % 2 * kSlotBytes; }

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

Status WriteAndSync(Disk& disk, int fd, ByteView bytes, uint64_t offset) {
  STATEWARD_RETURN_IF_ERROR(WriteAt(disk, fd, bytes, offset));
  int r = disk.SyncData(fd);
  return r < 0 ? FromErrno("fdatasync lock", -r) : Status();
}

// Reads on until there are `enough` of the n bytes, or the file ends.
Result<size_t> ReadPart(Disk& disk, int fd, uint8_t* to, size_t n, size_t enough, uint64_t offset) {
  size_t have = 0;
  while (have < enough) {
    long got = disk.ReadAt(fd, to + have, n - have, offset + have);
    if (got < 0) return FromErrno("read lock", static_cast<int>(-got));
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  return have;
}

// What one of the two places seems to hold; its sum is not checked yet.
struct Place {
  uint64_t offset = 0;
  uint64_t sequence = 0;
  size_t record_size = 0;
  Bytes bytes;  // the first ones, header included; empty: there is no record
};

Result<Place> LookAt(Disk& disk, int fd, uint64_t offset) {
  Place place;
  place.offset = offset;
  Bytes bytes(kFirstRead);
  Result<size_t> have = ReadPart(disk, fd, bytes.data(), bytes.size(), kSlotHeader, offset);
  if (!have.ok()) return std::move(have).status();
  if (*have < kSlotHeader || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    return place;
  }
  place.sequence = GetBig(bytes.data() + 8, 8);
  place.record_size = GetBig(bytes.data() + 16, 4);
  if (place.record_size > kSlotBytes - kSlotHeader || PlaceOf(place.sequence) != offset) {
    return place;
  }
  bytes.resize(*have);
  place.bytes = std::move(bytes);
  return place;
}

// nullopt: no whole record in this place.
Result<std::optional<Slot>> ReadWhole(Disk& disk, int fd, Place place) {
  if (place.bytes.empty()) return std::optional<Slot>();
  const size_t have = place.bytes.size();
  const size_t total = kSlotHeader + place.record_size;
  if (total > have) {
    place.bytes.resize(total);
    Result<size_t> rest = ReadPart(disk, fd, place.bytes.data() + have, total - have, total - have,
                                   place.offset + have);
    if (!rest.ok()) return std::move(rest).status();
    if (have + *rest < total) return std::optional<Slot>();
  }
  const uint8_t* header = place.bytes.data();
  Sha256Digest sum = Sum(header, ByteView(header + kSlotHeader, place.record_size));
  if (std::memcmp(header + 32, sum.data(), sum.size()) != 0) return std::optional<Slot>();
  Slot slot;
  slot.sequence = place.sequence;
  slot.writer = {static_cast<uint32_t>(GetBig(header + 20, 4)), GetBig(header + 24, 8)};
  slot.record.resize(place.record_size);
  if (place.record_size > 0) {
    std::memcpy(slot.record.data(), header + kSlotHeader, place.record_size);
  }
  return std::optional<Slot>(std::move(slot));
}

}  // namespace

Bytes FirstSlot(ByteView record) {
  static_assert(kFirstSequence % 2 == 0, "it lies in the place at offset 0");
  return Encode(kFirstSequence, SelfProcess(), record);
}

// The place with the larger sequence counts when its sum is right; only else the other is read.
Result<Slot> ReadSlot(Disk& disk, int fd) {
  Result<Place> a = LookAt(disk, fd, 0);
  if (!a.ok()) return std::move(a).status();
  Result<Place> b = LookAt(disk, fd, kSlotBytes);
  if (!b.ok()) return std::move(b).status();
  const bool a_first = b->bytes.empty() || (!a->bytes.empty() && a->sequence > b->sequence);
  for (Place* place : a_first ? std::array{&*a, &*b} : std::array{&*b, &*a}) {
    Result<std::optional<Slot>> slot = ReadWhole(disk, fd, std::move(*place));
    if (!slot.ok()) return std::move(slot).status();
    if (slot->has_value()) return std::move(**slot);
  }
  return Status::Corruption("lock record: neither of its two copies is whole");
}

// The very bytes that are there: a write of them that breaks off changes nothing.
Status SettleSlot(Disk& disk, int fd, const Slot& now) {
  return WriteAndSync(disk, fd, Encode(now.sequence, now.writer, now.record),
                      PlaceOf(now.sequence));
}

Status WriteSlot(Disk& disk, int fd, const Slot& now, ByteView record) {
  if (record.size() > kSlotBytes - kSlotHeader) return Status::Internal("lock record: too long");
  if (!(now.writer == SelfProcess()) && !IsAlive(now.writer)) {
    STATEWARD_RETURN_IF_ERROR(SettleSlot(disk, fd, now));
  }
  const uint64_t sequence = now.sequence + 1;
  Status written =
      WriteAndSync(disk, fd, Encode(sequence, SelfProcess(), record), PlaceOf(sequence));
  if (written.ok()) return written;
  // The caller is told that nothing was done, and nobody may take it for done: not even when the
  // next sync works, since the kernel counts the bytes of a failed one as written.
  constexpr std::array<uint8_t, kMagic.size()> kNothing{};
  (void)WriteAt(disk, fd, kNothing, PlaceOf(sequence));
  return written;
}

}  // namespace stateward
