#include "lock/lock_book.h"

#include <algorithm>
#include <utility>

#include "base/hex.h"
#include "base/sha256.h"

namespace stateward {
namespace {

ShortDigest ShortDigestOf(const std::string& text) {
  Sha256Digest whole = Sha256(text);
  ShortDigest out;
  std::copy_n(whole.begin(), out.size(), out.begin());
  return out;
}

// Of a token's SHA-256 as LockRecord has it; zeros for none.
ShortDigest TokenDigest(const std::string& token_sha256) {
  ShortDigest out{};
  Sha256Digest whole{};
  if (!HexDecode(token_sha256, whole.data(), whole.size())) return out;
  std::copy_n(whole.begin(), out.size(), out.begin());
  return out;
}

std::string TagOf(const ShortDigest& id) {
  return {reinterpret_cast<const char*>(id.data()), kReleasedTagBytes};
}

// A clock that was set back makes an ID younger, and remembered for longer.
bool IsRemembered(const ReleasedId& entry, int64_t now_ms) {
  return now_ms - entry.time_ms < kReleasedIdsKeptMs;
}

bool WasReleasedLately(const LockBook& book, const std::string& id, int64_t now_ms) {
  const ShortDigest digest = ShortDigestOf(id);
  return std::any_of(book.released.begin(), book.released.end(), [&](const ReleasedId& entry) {
    return entry.id == digest && IsRemembered(entry, now_ms);
  });
}

// S3 tells its time in whole seconds: what two processes take it for differs by more than one.
constexpr int64_t kClockGrainMs = 2000;

// The end of the time in which an UNLOCK without an ID counts as the repeat of this principal's
// forced release; nullopt: it does not. An age below zero, beyond the clock's grain, proves
// nothing.
std::optional<int64_t> RepeatUntil(const LockBook& book, const std::string& principal,
                                   int64_t now_ms) {
  if (!book.last_forced || book.last_forced->principal != principal) return std::nullopt;
  const int64_t age = now_ms - book.last_forced->time_ms;
  if (age < -kClockGrainMs || age >= kForceRepeatMs) return std::nullopt;
  return book.last_forced->time_ms + kForceRepeatMs;
}

void Remember(LockBook* book, bool forced, int64_t now_ms) {
  ReleasedId entry;
  entry.number = book->releases++;
  entry.id = ShortDigestOf(book->holder->id);
  entry.token = TokenDigest(book->holder->token_sha256);
  entry.time_ms = now_ms;
  entry.forced = forced;
  book->tags += TagOf(entry.id);
  constexpr size_t kMost = kReleasedIdsKept * kReleasedTagBytes;
  if (book->tags.size() > kMost) book->tags.erase(0, book->tags.size() - kMost);
  if (book->released.size() >= kReleasedIdsKept) book->released.erase(book->released.begin());
  book->released.push_back(entry);
}

}  // namespace

std::vector<uint64_t> MayBeReleased(const LockBook& book, const std::string& lock_id) {
  std::vector<uint64_t> numbers;
  if (lock_id.empty() || book.tags.empty()) return numbers;
  const std::string tag = TagOf(ShortDigestOf(lock_id));
  const size_t count = book.tags.size() / kReleasedTagBytes;
  for (size_t i = 0; i < count; ++i) {
    if (book.tags.compare(i * kReleasedTagBytes, kReleasedTagBytes, tag) != 0) continue;
    numbers.push_back(book.releases - count + i);
  }
  return numbers;
}

AcquireOutcome DecideAcquire(const LockBook& book, const LockRecord& want, int64_t now_ms) {
  if (book.holder && book.holder->id == want.id) {
    if (IsHeldBy(*book.holder, want.principal)) return Granted{true};
    return HeldBy{*book.holder};
  }
  // Also while another holds it: a client that waits for the lock would ask again in vain.
  if (WasReleasedLately(book, want.id, now_ms)) return WasReleased{};
  if (book.holder) return HeldBy{*book.holder};
  return Granted{false};
}

void Take(LockBook* book, LockRecord record, int64_t now_ms) {
  record.time_ms = now_ms;
  book->mark = std::max(book->mark, record.base);
  book->holder = std::move(record);
  book->burn = false;
}

ReleaseOutcome Release(LockBook* book, const ReleaseRequest& request, int64_t now_ms) {
  const bool any = request.id.empty();
  const bool unnamed = any || request.unnamed;
  if (unnamed) {
    std::optional<int64_t> until = RepeatUntil(*book, request.principal, now_ms);
    if (until && book->holder) return HeldBy{*book->holder, *until};
    if (until) return NotHeld{};  // the repeat of one that was answered already, perhaps unheard
  }
  const bool matches = book->holder && (any || book->holder->id == request.id);
  if (!matches) {
    if (!any && WasReleasedLately(*book, request.id, now_ms)) return WasReleased{};
    if (!book->holder) return NotHeld{};
    return HeldBy{*book->holder};
  }
  const bool own = IsHeldBy(*book->holder, request.principal);
  if (!any && !own && !request.any_principal) return HeldBy{*book->holder};
  const bool forced = unnamed || !own;
  Remember(book, forced, now_ms);
  if (forced) {
    book->last_forced = ForcedRelease{request.principal, now_ms};
    book->burn = true;
  }
  book->mark = std::max(book->mark, request.head);
  Released out{std::move(*book->holder)};
  book->holder.reset();
  return out;
}

bool TokenReleased(const LockBook& book, const std::string& token_sha256, int64_t now_ms) {
  const ShortDigest digest = TokenDigest(token_sha256);
  return digest != ShortDigest{} &&
         std::any_of(book.released.begin(), book.released.end(), [&](const ReleasedId& entry) {
           return entry.token == digest && IsRemembered(entry, now_ms);
         });
}

}  // namespace stateward
