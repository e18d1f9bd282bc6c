#include "lock/lock_book.h"

#include <algorithm>
#include <utility>

#include "base/hex.h"
#include "base/sha256.h"
#include "lock/plan_lock.h"

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

// Whether repeats of the last forced release may still come. An age below zero, beyond the clock's
// grain, proves nothing.
bool MayBeRepeated(const LockBook& book, int64_t now_ms) {
  if (!book.last_forced) return false;
  const int64_t age = now_ms - book.last_forced->time_ms;
  return age >= -kClockGrainMs && age < kForceRepeatMs;
}

// The end of the time in which an UNLOCK without an ID counts as the repeat of this principal's
// forced release; nullopt: it does not.
std::optional<int64_t> RepeatUntil(const LockBook& book, const std::string& principal,
                                   int64_t now_ms) {
  if (!MayBeRepeated(book, now_ms)) return std::nullopt;
  const std::string& by = book.last_forced->principal;
  if (by != principal && by != kForcedBySeveral) return std::nullopt;
  return book.last_forced->time_ms + kForceRepeatMs;
}

// There is room for one name: where another one's repeats may still come, it stands for all.
void NoteForced(LockBook* book, const std::string& principal, int64_t now_ms) {
  const bool several = MayBeRepeated(*book, now_ms) && book->last_forced->principal != principal;
  book->last_forced = ForcedRelease{several ? std::string(kForcedBySeveral) : principal, now_ms};
}

void Remember(LockBook* book, const LockRecord& record, bool forced, int64_t now_ms) {
  ReleasedId entry;
  entry.number = book->releases++;
  entry.id = ShortDigestOf(record.id);
  entry.token = TokenDigest(record.token_sha256);
  entry.time_ms = now_ms;
  entry.forced = forced;
  book->tags += TagOf(entry.id);
  constexpr size_t kMost = kReleasedIdsKept * kReleasedTagBytes;
  if (book->tags.size() > kMost) book->tags.erase(0, book->tags.size() - kMost);
  if (book->released.size() >= kReleasedIdsKept) book->released.erase(book->released.begin());
  book->released.push_back(entry);
}

// `named`: the one whose ID was named; else the oldest.
HeldBy HeldByPlans(const LockBook& book, const LockRecord* named) {
  return {named != nullptr ? *named : book.plans.front(), 0, book.plans};
}

// By a clock that was set back since.
bool IsOfTheFuture(const WaitingWriter& writer, int64_t now_ms) {
  return writer.last_ms > now_ms + kClockGrainMs;
}

// It may hold plans back again.
bool IsForgotten(const WaitingWriter& writer, int64_t now_ms) {
  return now_ms >= writer.HoldsUntil() + writer.hold_ms || IsOfTheFuture(writer, now_ms);
}

// The writer for which new plans wait the longest; nullptr: none.
const WaitingWriter* HoldsPlansBack(const LockBook& book, int64_t now_ms) {
  const WaitingWriter* longest = nullptr;
  for (const WaitingWriter& writer : book.waiting) {
    if (now_ms >= writer.HoldsUntil() || IsOfTheFuture(writer, now_ms)) continue;
    if (longest == nullptr || writer.HoldsUntil() > longest->HoldsUntil()) longest = &writer;
  }
  return longest;
}

LockRecord AsHolder(const WaitingWriter& writer) {
  LockRecord record;
  record.id = writer.id;
  record.principal = writer.principal;
  record.time_ms = writer.since_ms;
  return record;
}

// What this request is about, no matter who holds it: the holder, or plans.
std::vector<LockRecord> Meant(const LockBook& book, const ReleaseRequest& request) {
  std::vector<LockRecord> meant;
  const bool any = request.id.empty();
  const bool whole = any ? !request.own_plans : book.holder && book.holder->id == request.id;
  if (book.holder && whole) meant.push_back(*book.holder);
  for (const LockRecord& plan : book.plans) {
    const bool own = !request.own_plans || IsHeldBy(plan, request.principal);
    if (any ? own : plan.id == request.id) meant.push_back(plan);
  }
  return meant;
}

// Either the holder, or plans.
void EndLocks(LockBook* book, const std::vector<LockRecord>& freed) {
  if (!freed.front().shared) {
    book->holder.reset();
    return;
  }
  book->plans.erase(std::remove_if(book->plans.begin(), book->plans.end(),
                                   [&freed](const LockRecord& plan) {
                                     return FindPlan(freed, plan.id) != nullptr;
                                   }),
                    book->plans.end());
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
  if (const LockRecord* plan = FindPlan(book.plans, want.id)) {
    // Not for a writer: he would take the lock of a plan for his own.
    if (AsksForPlan(want) && IsHeldBy(*plan, want.principal)) return Granted{true};
    return HeldByPlans(book, plan);
  }
  // Also while another holds it: a client that waits for the lock would ask again in vain.
  if (WasReleasedLately(book, want.id, now_ms)) return WasReleased{};
  if (book.holder) return HeldBy{*book.holder};
  if (!want.shared) {
    if (book.plans.empty()) return Granted{false};
    return HeldByPlans(book, nullptr);
  }
  if (const WaitingWriter* writer = HoldsPlansBack(book, now_ms)) {
    return HeldBy{AsHolder(*writer), 0, book.plans, writer->HoldsUntil()};
  }
  if (book.plans.size() >= kMaxPlanLocks) return HeldByPlans(book, nullptr);
  return Granted{false};
}

bool NoteWaiting(LockBook* book, const LockRecord& want, int64_t now_ms) {
  const bool waits = !want.shared && want.hold_plans_ms > 0 && !book->holder &&
                     !book->plans.empty() && FindPlan(book->plans, want.id) == nullptr;
  if (!waits) return false;
  std::vector<WaitingWriter>& all = book->waiting;
  all.erase(std::remove_if(all.begin(), all.end(),
                           [now_ms](const WaitingWriter& w) { return IsForgotten(w, now_ms); }),
            all.end());
  const std::string principal = KeptPrincipal(want.principal);
  auto known = std::find_if(all.begin(), all.end(), [&principal](const WaitingWriter& writer) {
    return writer.principal == principal;
  });
  if (known == all.end()) {
    if (all.size() >= kMaxWaitingWriters) return false;
    all.push_back({want.id, principal, now_ms, now_ms, want.hold_plans_ms});
    return true;
  }
  if (known->id != want.id || now_ms >= known->HoldsUntil() || now_ms <= known->last_ms) {
    return false;
  }
  known->last_ms = now_ms;
  return true;
}

void Take(LockBook* book, LockRecord record, int64_t now_ms) {
  record.time_ms = now_ms;
  record.hold_plans_ms = 0;
  book->mark = std::max(book->mark, record.base);
  book->burn = false;
  if (record.shared) {
    book->plans.push_back(KeptPlan(record));
    return;
  }
  std::vector<WaitingWriter>& all = book->waiting;
  all.erase(std::remove_if(all.begin(), all.end(),
                           [&record](const WaitingWriter& w) { return w.id == record.id; }),
            all.end());
  book->holder = std::move(record);
}

ReleaseOutcome Release(LockBook* book, const ReleaseRequest& request, int64_t now_ms) {
  const bool any = request.id.empty();
  const bool unnamed = any || request.unnamed;
  const bool held = book->holder || !book->plans.empty();
  std::vector<LockRecord> freed = Meant(*book, request);
  if (unnamed) {
    std::optional<int64_t> until = RepeatUntil(*book, request.principal, now_ms);
    if (until && !freed.empty()) return HeldBy{freed.front(), *until, book->plans};
    if (until && book->holder) return HeldBy{*book->holder, *until};
    if (until) return NotHeld{};  // the repeat of one that was answered already, perhaps unheard
  }
  if (freed.empty()) {
    if (!any && WasReleasedLately(*book, request.id, now_ms)) return WasReleased{};
    if (!held) return NotHeld{};
    return book->holder ? HeldBy{*book->holder} : HeldByPlans(*book, nullptr);
  }
  const bool own = std::all_of(freed.begin(), freed.end(), [&request](const LockRecord& record) {
    return IsHeldBy(record, request.principal);
  });
  if (!any && !own && !request.any_principal) {
    return HeldBy{freed.front(), 0, book->plans};
  }
  const bool counts = unnamed || !own;  // for kForceRepeatMs
  const bool forced = counts || request.forced;
  for (const LockRecord& record : freed) Remember(book, record, forced, now_ms);
  book->mark = std::max(book->mark, request.head);
  const bool plans = freed.front().shared;
  // With its ID a repeat of a plan's release finds that ID; without one it must free no later lock.
  if (plans ? unnamed : counts) NoteForced(book, request.principal, now_ms);
  if (!plans) book->burn = book->burn || forced;
  EndLocks(book, freed);
  Released out{freed.front()};
  if (any && plans) out.plans = std::move(freed);
  return out;
}

std::optional<LockRecord> HolderOf(const LockBook& book) {
  if (book.holder || book.plans.empty()) return book.holder;
  return book.plans.front();
}

LockRecord* TakenIn(LockBook* book, const std::string& lock_id) {
  for (LockRecord& plan : book->plans) {
    if (plan.id == lock_id) return &plan;
  }
  return &*book->holder;
}

void GiveBack(LockBook* book, const std::string& lock_id) {
  const auto is_it = [&lock_id](const LockRecord& plan) { return plan.id == lock_id; };
  book->plans.erase(std::remove_if(book->plans.begin(), book->plans.end(), is_it),
                    book->plans.end());
  book->holder.reset();
}

LockView ViewOf(LockBook book) {
  LockView view;
  view.holder = std::move(book.holder);
  view.plans = std::move(book.plans);
  view.mark = book.mark;
  return view;
}

std::vector<LockRecord> LocksOf(LockBook book) {
  std::vector<LockRecord> locks = std::move(book.plans);
  if (book.holder) locks.push_back(std::move(*book.holder));
  return locks;
}

bool TellLocks(const StateId& id, std::vector<LockRecord> locks, const EachHeldFn& each) {
  return std::all_of(locks.begin(), locks.end(),
                     [&](LockRecord& lock) { return each(id, std::move(lock)); });
}

bool TokenReleased(const LockBook& book, const std::string& token_sha256, int64_t now_ms) {
  const ShortDigest digest = TokenDigest(token_sha256);
  return digest != ShortDigest{} &&
         std::any_of(book.released.begin(), book.released.end(), [&](const ReleasedId& entry) {
           return entry.token == digest && IsRemembered(entry, now_ms);
         });
}

}  // namespace stateward
