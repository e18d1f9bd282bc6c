#include "lock/lock_book.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/sha256.h"

namespace stateward {
namespace {

constexpr uint8_t kVersion = 1;

// The bits of the byte in front of the holder.
constexpr uint8_t kHeld = 1;
constexpr uint8_t kPlanOnly = 2;
constexpr uint8_t kBurn = 4;

const ReleasedId* FindReleased(const LockBook& book, const std::string& id, int64_t now_ms) {
  Sha256Digest digest = Sha256(id);
  for (const ReleasedId& entry : book.released) {
    if (entry.id == digest && now_ms - entry.time_ms < kReleasedIdsKeptMs) return &entry;
  }
  return nullptr;
}

// Writes into a buffer of the right size.
class Writer {
 public:
  explicit Writer(size_t size) : out_(size) {}
  void U8(uint8_t v) { out_[at_++] = v; }
  void U64(uint64_t v) {
    for (int shift = 56; shift >= 0; shift -= 8) U8(static_cast<uint8_t>(v >> shift));
  }
  void Text(const std::string& s) {
    size_t size = TextSize(s);
    U8(static_cast<uint8_t>(size >> 8));
    U8(static_cast<uint8_t>(size));
    Raw(s.data(), size);
  }
  void Digest(const Sha256Digest& d) { Raw(d.data(), d.size()); }
  Bytes Take() { return std::move(out_); }

  // Longer texts are refused before they get here (16 KiB of lock info).
  static size_t TextSize(const std::string& s) { return std::min<size_t>(s.size(), UINT16_MAX); }

 private:
  void Raw(const void* data, size_t n) {
    if (n > 0) std::memcpy(out_.data() + at_, data, n);
    at_ += n;
  }
  Bytes out_;
  size_t at_ = 0;
};

class Reader {
 public:
  explicit Reader(ByteView in) : in_(in) {}
  uint8_t U8() {
    if (at_ >= in_.size()) return Fail();
    return in_[at_++];
  }
  uint64_t U64() {
    uint64_t v = 0;
    for (int i = 0; i < 8; ++i) v = v << 8 | U8();
    return v;
  }
  std::string Text() {
    size_t size = static_cast<size_t>(U8()) << 8;
    size |= U8();
    if (size > in_.size() - at_) {
      Fail();
      return {};
    }
    std::string s(in_.Sub(at_, size).AsString());
    at_ += size;
    return s;
  }
  Sha256Digest Digest() {
    Sha256Digest d{};
    if (d.size() > in_.size() - at_) {
      Fail();
      return d;
    }
    std::memcpy(d.data(), in_.data() + at_, d.size());
    at_ += d.size();
    return d;
  }
  bool AtEnd() const { return ok_ && at_ == in_.size(); }
  bool ok() const { return ok_; }

 private:
  uint8_t Fail() {
    ok_ = false;
    at_ = in_.size();
    return 0;
  }
  ByteView in_;
  size_t at_ = 0;
  bool ok_ = true;
};

size_t EncodedText(const std::string& s) { return 2 + Writer::TextSize(s); }

size_t EncodedSize(const LockBook& book) {
  size_t size = 4;  // version, flags, was forced, count
  if (book.holder) {
    const LockRecord& h = *book.holder;
    for (const std::string* s : {&h.id, &h.info, &h.principal, &h.operation, &h.token_sha256}) {
      size += EncodedText(*s);
    }
    size += 16;
  }
  if (book.last_forced) size += EncodedText(book.last_forced->principal) + 8;
  for (const ReleasedId& entry : book.released) {
    size += 2 * sizeof(Sha256Digest) + 9 + EncodedText(entry.token_sha256);
  }
  return size;
}

}  // namespace

AcquireOutcome DecideAcquire(const LockBook& book, const LockRecord& want, int64_t now_ms) {
  if (book.holder && book.holder->id == want.id) {
    if (IsHeldBy(*book.holder, want.principal)) return Granted{true};
    return HeldBy{*book.holder};
  }
  // Also while another holds it: a client that waits for the lock would ask again in vain.
  if (FindReleased(book, want.id, now_ms) != nullptr) return WasReleased{};
  if (book.holder) return HeldBy{*book.holder};
  return Granted{false};
}

void Take(LockBook* book, LockRecord record, int64_t now_ms) {
  record.time_ms = now_ms;
  book->holder = std::move(record);
  book->burn = false;
}

ReleaseOutcome Release(LockBook* book, const ReleaseRequest& request, int64_t now_ms) {
  bool any = request.id.empty();
  if (any && book->last_forced && book->last_forced->principal == request.principal &&
      now_ms - book->last_forced->time_ms < kForceRepeatMs) {
    return NotHeld{};  // the repeat of a release that was answered already, perhaps unheard
  }
  bool matches = book->holder && (any || book->holder->id == request.id);
  if (!matches) {
    if (!any && FindReleased(*book, request.id, now_ms) != nullptr) return WasReleased{};
    if (!book->holder) return NotHeld{};
    return HeldBy{*book->holder};
  }
  bool own = IsHeldBy(*book->holder, request.principal);
  if (!any && !own && !request.any_principal) return HeldBy{*book->holder};
  bool force = any || !own;
  ReleasedId entry;
  entry.id = Sha256(book->holder->id);
  entry.principal = Sha256(book->holder->principal);
  entry.time_ms = now_ms;
  entry.forced = force;
  entry.token_sha256 = book->holder->token_sha256;
  auto& released = book->released;
  released.erase(std::remove_if(released.begin(), released.end(),
                                [&](const ReleasedId& old) {
                                  return now_ms - old.time_ms >= kReleasedIdsKeptMs ||
                                         old.id == entry.id;
                                }),
                 released.end());
  if (released.size() >= kReleasedIdsKept) released.erase(released.begin());
  released.push_back(std::move(entry));
  if (force) {
    book->last_forced = ForcedRelease{request.principal, now_ms};
    book->burn = true;
  }
  Released out{std::move(*book->holder)};
  book->holder.reset();
  return out;
}

bool TokenReleased(const LockBook& book, const std::string& token_sha256, int64_t now_ms) {
  return !token_sha256.empty() &&
         std::any_of(book.released.begin(), book.released.end(), [&](const ReleasedId& entry) {
           return entry.token_sha256 == token_sha256 && now_ms - entry.time_ms < kReleasedIdsKeptMs;
         });
}

Bytes EncodeLockBook(const LockBook& book) {
  Writer w(EncodedSize(book));
  w.U8(kVersion);
  bool plan_only = book.holder && book.holder->plan_only;
  w.U8(static_cast<uint8_t>((book.holder ? kHeld : 0) | (plan_only ? kPlanOnly : 0) |
                            (book.burn ? kBurn : 0)));
  if (book.holder) {
    const LockRecord& h = *book.holder;
    for (const std::string* s : {&h.id, &h.info, &h.principal, &h.operation, &h.token_sha256}) {
      w.Text(*s);
    }
    w.U64(h.base);
    w.U64(static_cast<uint64_t>(h.time_ms));
  }
  w.U8(book.last_forced ? 1 : 0);
  if (book.last_forced) {
    w.Text(book.last_forced->principal);
    w.U64(static_cast<uint64_t>(book.last_forced->time_ms));
  }
  w.U8(static_cast<uint8_t>(book.released.size()));
  for (const ReleasedId& entry : book.released) {
    w.Digest(entry.id);
    w.Digest(entry.principal);
    w.U64(static_cast<uint64_t>(entry.time_ms));
    w.U8(entry.forced ? 1 : 0);
    w.Text(entry.token_sha256);
  }
  return w.Take();
}

Result<LockBook> DecodeLockBook(ByteView bytes) {
  Reader r(bytes);
  LockBook book;
  if (r.U8() != kVersion) return Status::Corruption("lock record: unknown version");
  uint8_t flags = r.U8();
  if (flags > (kHeld | kPlanOnly | kBurn)) return Status::Corruption("lock record: damaged");
  book.burn = (flags & kBurn) != 0;
  if ((flags & kHeld) != 0) {
    LockRecord h;
    h.plan_only = (flags & kPlanOnly) != 0;
    for (std::string* s : {&h.id, &h.info, &h.principal, &h.operation, &h.token_sha256}) {
      *s = r.Text();
    }
    h.base = r.U64();
    h.time_ms = static_cast<int64_t>(r.U64());
    book.holder = std::move(h);
  }
  if (r.U8() != 0) {
    ForcedRelease forced;
    forced.principal = r.Text();
    forced.time_ms = static_cast<int64_t>(r.U64());
    book.last_forced = std::move(forced);
  }
  size_t count = r.U8();
  book.released.reserve(count);
  for (size_t i = 0; i < count && r.ok(); ++i) {
    ReleasedId entry;
    entry.id = r.Digest();
    entry.principal = r.Digest();
    entry.time_ms = static_cast<int64_t>(r.U64());
    entry.forced = r.U8() != 0;
    entry.token_sha256 = r.Text();
    book.released.push_back(std::move(entry));
  }
  if (!r.AtEnd() || count > kReleasedIdsKept) return Status::Corruption("lock record: damaged");
  return book;
}

}  // namespace stateward
