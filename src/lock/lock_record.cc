#include "lock/lock_record.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/big_endian.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "lock/plan_lock.h"

namespace stateward {
namespace {

constexpr uint8_t kVersion = 2;

enum Field : uint8_t {
  kFlags = 1,
  kId = 2,
  kInfo = 3,
  kPrincipal = 4,
  kOperation = 5,
  kToken = 6,
  kBase = 7,
  kTime = 8,
  kForcedBy = 9,
  kForcedAt = 10,
  kMark = 11,
  kReleases = 12,
  kTags = 13,
  kPlans = 14,
  kWaiting = 15,
  kMayPassOver = 128,  // from here on: a build that does not know a field keeps it as it is
};

constexpr uint64_t kPlanOnly = 1;
constexpr uint64_t kBurn = 2;
constexpr uint64_t kUnconfirmed = 4;
constexpr uint64_t kKnownFlags = kPlanOnly | kBurn | kUnconfirmed;

Status Damaged() { return Status::Corruption("lock record: damaged"); }
Status Newer() { return Status::Unavailable("lock record: a newer Stateward wrote it"); }

class Writer {
 public:
  explicit Writer(size_t room) { out_.reserve(room); }
  void Byte(uint8_t v) { out_.push_back(v); }
  void Raw(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  void Long(uint64_t v) { PutBigEndian(v, 8, &out_); }
  // Empty texts and zeros are left out.
  void Text(uint8_t field, std::string_view text) {
    if (text.empty()) return;
    Head(field, text.size());
    Raw(text);
  }
  void Number(uint8_t field, uint64_t v) {
    if (v == 0) return;
    Head(field, 8);
    Long(v);
  }
  Bytes Take() { return std::move(out_); }

 private:
  void Head(uint8_t field, size_t size) {
    Byte(field);
    Byte(static_cast<uint8_t>(size >> 8));
    Byte(static_cast<uint8_t>(size));
  }
  Bytes out_;
};

// Of a field that this build knows. False: damaged.
bool SetField(uint8_t field, ByteView value, LockBook* book, LockRecord* holder, uint64_t* flags) {
  const uint64_t number = value.size() == 8 ? GetBigEndian(value) : 0;
  const std::string text(value.AsString());
  switch (field) {
    case kFlags:
      *flags = number;
      break;
    case kId:
      holder->id = text;
      return true;
    case kInfo:
      holder->info = text;
      return true;
    case kPrincipal:
      holder->principal = text;
      return true;
    case kOperation:
      holder->operation = text;
      return true;
    case kToken:
      holder->token_sha256 = HexEncode(value);
      return value.size() == 32;
    case kBase:
      holder->base = number;
      break;
    case kTime:
      holder->time_ms = static_cast<int64_t>(number);
      break;
    case kForcedBy:
      book->last_forced = ForcedRelease{text, 0};
      return true;
    case kForcedAt:
      if (!book->last_forced) return false;
      book->last_forced->time_ms = static_cast<int64_t>(number);
      break;
    case kMark:
      book->mark = number;
      break;
    case kReleases:
      book->releases = number;
      break;
    case kTags:
      book->tags = text;
      return true;
    case kPlans:
      return DecodePlans(value, &book->plans);
    case kWaiting:
      return DecodeWaiting(value, &book->waiting);
    default:
      return false;
  }
  return value.size() == 8;
}

// Each release that is remembered has its tag.
bool TagsFit(const LockBook& book) {
  const uint64_t count = std::min<uint64_t>(book.releases, kReleasedIdsKept);
  return book.tags.size() == count * kReleasedTagBytes;
}

// Over the number as well: an entry that was not written leaves an older one in its place.
Sha256Digest EntrySum(uint64_t number, ByteView entry) {
  Writer w(entry.size() + 8);
  w.Long(number);
  w.Raw(entry);
  return Sha256(w.Take());
}

constexpr size_t kEntrySummed = kReleasedEntryBytes - 4;

}  // namespace

Bytes EncodeLockRecord(const LockBook& book) {
  Writer w(book.tags.size() + book.kept.size() + (book.holder ? book.holder->info.size() : 0) +
           512);
  w.Byte(kVersion);
  const LockRecord* h = book.holder ? &*book.holder : nullptr;
  w.Number(kFlags, (h != nullptr && h->plan_only ? kPlanOnly : 0) | (book.burn ? kBurn : 0) |
                       (h != nullptr && h->unconfirmed ? kUnconfirmed : 0));
  if (h != nullptr) {
    w.Text(kId, h->id);
    w.Text(kInfo, h->info);
    w.Text(kPrincipal, h->principal);
    w.Text(kOperation, h->operation);
    Sha256Digest token{};
    if (HexDecode(h->token_sha256, token.data(), token.size())) {
      w.Text(kToken, ByteView(token).AsString());
    }
    w.Number(kBase, h->base);
    w.Number(kTime, static_cast<uint64_t>(h->time_ms));
  }
  if (book.last_forced) {
    w.Text(kForcedBy, book.last_forced->principal);
    w.Number(kForcedAt, static_cast<uint64_t>(book.last_forced->time_ms));
  }
  w.Number(kMark, book.mark);
  w.Number(kReleases, book.releases);
  w.Text(kTags, book.tags);
  w.Text(kPlans, ByteView(EncodePlans(book.plans)).AsString());
  w.Text(kWaiting, ByteView(EncodeWaiting(book.waiting)).AsString());
  w.Raw(book.kept);
  return w.Take();
}

Result<LockBook> DecodeLockRecord(ByteView bytes) {
  if (bytes.empty()) return Damaged();
  if (bytes[0] > kVersion) return Newer();
  if (bytes[0] != kVersion) return Damaged();
  LockBook book;
  LockRecord holder;
  uint64_t flags = 0;
  uint8_t last = 0;
  for (size_t at = 1; at < bytes.size();) {
    if (bytes.size() - at < 3) return Damaged();
    const uint8_t field = bytes[at];
    const size_t size = static_cast<size_t>(bytes[at + 1]) << 8 | bytes[at + 2];
    if (field <= last || size > bytes.size() - at - 3) return Damaged();
    last = field;
    if (field >= kMayPassOver) {
      ByteView whole = bytes.Sub(at, 3 + size);
      book.kept.insert(book.kept.end(), whole.begin(), whole.end());
    } else if (field > kWaiting) {
      return Newer();
    } else if (!SetField(field, bytes.Sub(at + 3, size), &book, &holder, &flags)) {
      return Damaged();
    }
    at += 3 + size;
  }
  if ((flags & ~kKnownFlags) != 0) return Newer();
  if (!TagsFit(book)) return Damaged();
  book.burn = (flags & kBurn) != 0;
  holder.plan_only = (flags & kPlanOnly) != 0;
  holder.unconfirmed = (flags & kUnconfirmed) != 0;
  if (!holder.id.empty()) {
    book.holder = std::move(holder);
    if (!book.plans.empty()) return Damaged();
  } else if (!holder.info.empty() || holder.plan_only || holder.unconfirmed) {
    return Damaged();
  }
  return book;
}

Bytes EncodeReleasedId(const ReleasedId& entry) {
  Writer w(kReleasedEntryBytes);
  w.Raw(entry.id);
  w.Raw(entry.token);
  w.Long(static_cast<uint64_t>(entry.time_ms));
  w.Raw(Bytes{static_cast<uint8_t>(entry.forced ? 1 : 0), 0, 0, 0});
  Bytes out = w.Take();
  Sha256Digest sum = EntrySum(entry.number, out);
  out.insert(out.end(), sum.begin(), sum.begin() + 4);
  return out;
}

Result<ReleasedId> DecodeReleasedId(uint64_t number, ByteView bytes) {
  const Status damaged = Status::Corruption("lock: the entry of a released ID is damaged");
  if (bytes.size() != kReleasedEntryBytes) return damaged;
  Sha256Digest sum = EntrySum(number, bytes.Sub(0, kEntrySummed));
  if (std::memcmp(sum.data(), bytes.data() + kEntrySummed, 4) != 0) return damaged;
  ReleasedId entry;
  entry.number = number;
  std::memcpy(entry.id.data(), bytes.data(), entry.id.size());
  std::memcpy(entry.token.data(), bytes.data() + 16, entry.token.size());
  entry.time_ms = static_cast<int64_t>(GetBigEndian(bytes.Sub(32, 8)));
  entry.forced = bytes[40] != 0;
  return entry;
}

ReleasedId AssumeReleased(uint64_t number, const std::string& lock_id, int64_t now_ms) {
  ReleasedId entry;
  entry.number = number;
  Sha256Digest whole = Sha256(lock_id);
  std::copy_n(whole.begin(), entry.id.size(), entry.id.begin());
  entry.time_ms = now_ms;
  return entry;
}

}  // namespace stateward
